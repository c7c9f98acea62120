//! The system's allocator with a bound: no input of a few kilobytes may lead to a large request.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

/// The most bytes one request may ask for. A row number near its end asks for 8 MB of segments.
const MOST: usize = 32 << 20;

struct Bounded;

#[global_allocator]
static ALLOCATOR: Bounded = Bounded;

/// Ends the process where a request is too large: libFuzzer keeps the input then.
fn check(size: usize) {
    if size > MOST {
        eprintln!("an allocation of {size} bytes: a length in the input was believed");
        std::process::abort();
    }
}

// SAFETY: Everything is the system's allocator's to do, with the arguments as they came.
unsafe impl GlobalAlloc for Bounded {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: The caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        check(layout.size());
        // SAFETY: The caller's promise.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        check(size);
        // SAFETY: The caller's promise.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: The caller's promise.
        unsafe { System.dealloc(block, layout) }
    }
}
