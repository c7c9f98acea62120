//! Memory comes from the server, so that it counts in used_memory and maxmemory.
//!
//! Outside a server (tests, benchmarks, tools) the server's functions are absent and the system's
//! allocator serves. A server sets them before it runs any of this code, so no block is ever
//! taken from one and given back to the other.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ffi::c_void,
};

use redis_module::raw;

/// The alignment that every allocator gives unasked.
const ALIGNED: usize = 16;

struct ServerAllocator;

#[global_allocator]
static ALLOCATOR: ServerAllocator = ServerAllocator;

/// Whether a block of this layout needs an alignment that is not given unasked.
fn overaligned(layout: &Layout) -> bool {
    layout.align() > ALIGNED
}

/// A block whose address is a multiple of a large alignment, with the block it lies in just
/// before it: `[... padding ...][address of the whole block][block]`.
///
/// # Safety
/// As [`GlobalAlloc::alloc`].
unsafe fn alloc_overaligned(
    alloc: unsafe extern "C" fn(usize) -> *mut c_void,
    layout: Layout,
) -> *mut u8 {
    let Some(size) = layout.size().checked_add(layout.align() + size_of::<usize>()) else {
        return std::ptr::null_mut();
    };
    // SAFETY: the server's function takes any size.
    let whole = unsafe { alloc(size) }.cast::<u8>();
    if whole.is_null() {
        return whole;
    }
    let first = whole as usize + size_of::<usize>();
    let padding = first.next_multiple_of(layout.align()) - whole as usize;
    // SAFETY: `padding` is at most align + size_of::<usize>(), so the block and the word before
    // it lie within `whole`.
    unsafe {
        let block = whole.add(padding);
        block.cast::<usize>().sub(1).write_unaligned(whole as usize);
        block
    }
}

// SAFETY: each block goes back to the allocator it came from: which one that is follows from
// whether the server's functions are set, which happens once and before any allocation in a
// server, and from the layout.
unsafe impl GlobalAlloc for ServerAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: a copy of a pointer that is set once, before other threads run.
        match unsafe { raw::RedisModule_Alloc } {
            // SAFETY: the server's function takes any size.
            Some(alloc) if !overaligned(&layout) => unsafe { alloc(layout.size()).cast() },
            // SAFETY: passed on.
            Some(alloc) => unsafe { alloc_overaligned(alloc, layout) },
            // SAFETY: passed on.
            None => unsafe { System.alloc(layout) },
        }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: a copy of a pointer that is set once, before other threads run.
        match unsafe { raw::RedisModule_Free } {
            // SAFETY: the block came from the server's allocator.
            Some(free) if !overaligned(&layout) => unsafe { free(block.cast()) },
            // SAFETY: the word before the block is the address of the whole, see above.
            Some(free) => unsafe {
                free(block.cast::<usize>().sub(1).read_unaligned() as *mut c_void);
            },
            // SAFETY: passed on.
            None => unsafe { System.dealloc(block, layout) },
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: a copy of a pointer that is set once, before other threads run.
        match unsafe { raw::RedisModule_Calloc } {
            // SAFETY: the server's function takes any size.
            Some(calloc) if !overaligned(&layout) => unsafe { calloc(1, layout.size()).cast() },
            Some(_) => {
                // SAFETY: passed on.
                let block = unsafe { self.alloc(layout) };
                if !block.is_null() {
                    // SAFETY: the block has this size.
                    unsafe { block.write_bytes(0, layout.size()) };
                }
                block
            }
            // SAFETY: passed on.
            None => unsafe { System.alloc_zeroed(layout) },
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: a copy of a pointer that is set once, before other threads run.
        match unsafe { raw::RedisModule_Realloc } {
            // SAFETY: the block came from the server's allocator.
            Some(realloc) if !overaligned(&layout) => unsafe {
                realloc(block.cast(), size).cast()
            },
            Some(_) => {
                // SAFETY: `layout.align()` is valid and the caller vouches for `size`.
                let grown = unsafe { Layout::from_size_align_unchecked(size, layout.align()) };
                // SAFETY: both blocks have at least the bytes that are copied.
                unsafe {
                    let new = self.alloc(grown);
                    if !new.is_null() {
                        new.copy_from_nonoverlapping(block, layout.size().min(size));
                        self.dealloc(block, layout);
                    }
                    new
                }
            }
            // SAFETY: passed on.
            None => unsafe { System.realloc(block, layout, size) },
        }
    }
}
