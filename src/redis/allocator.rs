//! The allocator: the server's own, so that tables count in its `used_memory` and `maxmemory`.
//!
//! Outside a server (unit tests, benchmarks, fuzzing) and before the server's functions are
//! found, it is the system's. Memory must go back to where it came from, so the choice is made
//! once: whoever allocated from the system before the load stays with the system.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use super::api::{call, has};

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// The alignment that every block of the server's allocator has; 0 while it is not in use.
static ALIGNED: AtomicUsize = AtomicUsize::new(0);
/// Whether the system's allocator has given anything away.
static SYSTEM_GAVE: AtomicBool = AtomicBool::new(false);

/// The server's allocator where there is one, else the system's.
struct Allocator;

/// Allocates from the server from now on. False where something was allocated before: then the
/// system's allocator stays, which is sound but unseen by `maxmemory`.
pub fn adopt() -> bool {
    let there = has!(RedisModule_Alloc)
        && has!(RedisModule_Calloc)
        && has!(RedisModule_Realloc)
        && has!(RedisModule_Free);
    if there && !SYSTEM_GAVE.load(Relaxed) {
        ALIGNED.store(probe(), Relaxed);
    }
    ALIGNED.load(Relaxed) > 0
}

/// The alignment of the server's blocks: 16, or 8 where it keeps a length of its own before each
/// (built on a C library without `malloc_usable_size`).
fn probe() -> usize {
    let mut blocks = [ptr::null_mut(); 4];
    for block in &mut blocks {
        *block = call!(RedisModule_Alloc(48)).unwrap_or(ptr::null_mut());
    }
    let aligned = blocks.iter().all(|block| block.addr() % 16 == 0);
    for block in blocks {
        call!(RedisModule_Free(block));
    }
    if aligned { 16 } else { 8 }
}

/// What to ask the server for: its smallest blocks are aligned to no more than their size.
fn server_size(layout: Layout) -> usize {
    layout.size().max(layout.align())
}

// SAFETY: Each block is given by the server or by the system, is as large and as aligned as its
// layout says, and goes back to the one that gave it: `ALIGNED` changes at most once, and only
// while nothing is given away.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        match layout.align() <= ALIGNED.load(Relaxed) {
            true => call!(RedisModule_Alloc(server_size(layout)))
                .map_or(ptr::null_mut(), <*mut _>::cast),
            // SAFETY: The caller's promise.
            false => unsafe { alloc_aside(layout) },
        }
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNED.load(Relaxed) {
            let block = call!(RedisModule_Calloc(1, server_size(layout)));
            return block.map_or(ptr::null_mut(), <*mut _>::cast);
        }
        if ALIGNED.load(Relaxed) == 0 {
            SYSTEM_GAVE.store(true, Relaxed);
            // SAFETY: The caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        // SAFETY: The caller's promise; the block is as large as its layout says.
        unsafe {
            let block = alloc_aside(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match layout.align() <= ALIGNED.load(Relaxed) {
            true => {
                call!(RedisModule_Free(block.cast()));
            }
            // SAFETY: The caller's promise.
            false => unsafe { dealloc_aside(block, layout) },
        }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let aligned = ALIGNED.load(Relaxed);
        if layout.align() <= aligned {
            let size = size.max(layout.align());
            let block = call!(RedisModule_Realloc(block.cast(), size));
            return block.map_or(ptr::null_mut(), <*mut _>::cast);
        }
        if aligned == 0 {
            // SAFETY: The caller's promise; the system gave the block.
            return unsafe { System.realloc(block, layout, size) };
        }
        // SAFETY: The caller's promise; the new block is apart from the old one, and both hold
        // what is copied.
        unsafe {
            let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
                return ptr::null_mut();
            };
            let moved = self.alloc(wanted);
            if !moved.is_null() {
                ptr::copy_nonoverlapping(block, moved, size.min(layout.size()));
                self.dealloc(block, layout);
            }
            moved
        }
    }
}

/// From the system, or from the server with an alignment that its blocks do not have: then the
/// word before the block says where the server's own begins.
///
/// # Safety
/// As [`GlobalAlloc::alloc`].
#[cold]
unsafe fn alloc_aside(layout: Layout) -> *mut u8 {
    if ALIGNED.load(Relaxed) == 0 {
        SYSTEM_GAVE.store(true, Relaxed);
        // SAFETY: The caller's promise.
        return unsafe { System.alloc(layout) };
    }
    let Some(size) = layout
        .size()
        .checked_add(layout.align() + size_of::<usize>())
    else {
        return ptr::null_mut();
    };
    let whole: *mut u8 = call!(RedisModule_Alloc(size)).map_or(ptr::null_mut(), <*mut _>::cast);
    if whole.is_null() {
        return whole;
    }
    // SAFETY: The server's block has room for the word, the alignment and the layout's size.
    unsafe {
        let start = whole.add(size_of::<usize>());
        let block = start.add(start.align_offset(layout.align()));
        block.cast::<*mut u8>().sub(1).write_unaligned(whole);
        block
    }
}

/// Gives back what [`alloc_aside`] gave.
///
/// # Safety
/// As [`GlobalAlloc::dealloc`].
#[cold]
unsafe fn dealloc_aside(block: *mut u8, layout: Layout) {
    if ALIGNED.load(Relaxed) == 0 {
        // SAFETY: The caller's promise; the system gave the block.
        return unsafe { System.dealloc(block, layout) };
    }
    // SAFETY: `alloc_aside` wrote the word before the block.
    let whole = unsafe { block.cast::<*mut u8>().sub(1).read_unaligned() };
    call!(RedisModule_Free(whole.cast()));
}
