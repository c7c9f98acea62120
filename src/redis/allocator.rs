//! The allocator: the server's own, so that tables count in its `used_memory` and `maxmemory`.
//!
//! Outside a server (unit tests, benchmarks, fuzzing) and before the server's functions are
//! found, it is the system's. Memory must go back to where it came from, so the choice is made
//! once: whoever allocated from the system before the load stays with the system.
//!
//! The server counts every block twice over, which makes its allocator several times slower than
//! others. What a command allocates and frees again comes from a [`shelf`] instead.

use std::{
    alloc::{GlobalAlloc, Layout, System},
    ptr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed},
};

use super::{
    api::{call, has},
    shelf,
};

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
        shelf::open();
    }
    ALIGNED.load(Relaxed) > 0
}

/// The alignment of the server's blocks: 16, or 8 where it keeps a length of its own before each
/// (built on a C library without `malloc_usable_size`).
fn probe() -> usize {
    let blocks = [(); 4].map(|()| server_alloc(48));
    let aligned = blocks.iter().all(|block| block.addr() % 16 == 0);
    blocks.into_iter().for_each(server_free);
    if aligned { 16 } else { 8 }
}

/// A block of the server's.
pub fn server_alloc(size: usize) -> *mut u8 {
    call!(RedisModule_Alloc(size)).map_or(ptr::null_mut(), <*mut _>::cast)
}

/// Gives a block back to the server.
pub fn server_free(block: *mut u8) {
    call!(RedisModule_Free(block.cast()));
}

/// The server's smallest blocks are aligned to no more than their size.
fn server_size(layout: Layout) -> usize {
    layout.size().max(layout.align())
}

// SAFETY: Each block is given by the server or by the system, is as large and as aligned as its
// layout says, and goes back to the one that gave it: `ALIGNED` changes at most once, and only
// while nothing is given away.
unsafe impl GlobalAlloc for Allocator {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > ALIGNED.load(Relaxed) {
            // SAFETY: The caller's promise.
            return unsafe { alloc_aside(layout) };
        }
        shelf::take(server_size(layout))
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        let (aligned, size) = (ALIGNED.load(Relaxed), server_size(layout));
        if aligned == 0 {
            SYSTEM_GAVE.store(true, Relaxed);
            // SAFETY: The caller's promise.
            return unsafe { System.alloc_zeroed(layout) };
        }
        if layout.align() <= aligned && size > shelf::LARGEST {
            return call!(RedisModule_Calloc(1, size)).map_or(ptr::null_mut(), <*mut _>::cast);
        }
        // SAFETY: The caller's promise; the block is as large as its layout says.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                block.write_bytes(0, layout.size());
            }
            block
        }
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if layout.align() > ALIGNED.load(Relaxed) {
            // SAFETY: The caller's promise.
            return unsafe { dealloc_aside(block, layout) };
        }
        // SAFETY: The caller's promise: the block is of this size and nobody has it any more.
        unsafe { shelf::put(block, server_size(layout)) };
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let (aligned, old) = (ALIGNED.load(Relaxed), server_size(layout));
        if aligned == 0 {
            // SAFETY: The caller's promise; the system gave the block.
            return unsafe { System.realloc(block, layout, size) };
        }
        let wanted = size.max(layout.align());
        if layout.align() <= aligned {
            if shelf::same(old, wanted) {
                return block;
            }
            if old > shelf::LARGEST && wanted > shelf::LARGEST {
                let moved = call!(RedisModule_Realloc(block.cast(), wanted));
                return moved.map_or(ptr::null_mut(), <*mut _>::cast);
            }
        }
        // SAFETY: The caller's promise; the new block is apart from the old one, and both hold
        // what is copied.
        unsafe {
            let Ok(layout_wanted) = Layout::from_size_align(size, layout.align()) else {
                return ptr::null_mut();
            };
            let moved = self.alloc(layout_wanted);
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
    let Some(size) = layout.size().checked_add(layout.align() + WORD) else {
        return ptr::null_mut();
    };
    let whole = server_alloc(size);
    if whole.is_null() {
        return whole;
    }
    // SAFETY: The server's block has room for the word, the alignment and the layout's size.
    unsafe {
        let start = whole.add(WORD);
        let block = start.add(start.align_offset(layout.align()));
        block.cast::<*mut u8>().sub(1).write_unaligned(whole);
        block
    }
}

/// What is kept before a block that lies within another.
const WORD: usize = size_of::<*mut u8>();

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
    server_free(unsafe { block.cast::<*mut u8>().sub(1).read_unaligned() });
}
