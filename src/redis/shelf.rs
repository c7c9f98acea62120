//! Small blocks that the thread of commands gave back, kept for when it wants one of that size
//! again, which is usually within the same command.
//!
//! ```text
//! row       0    1    2    3  ...  64        of blocks of so many bytes:
//! bytes     8   16   32   48  ... 1024
//! ```
//!
//! All blocks are the server's. A row is a list of free blocks, each of which begins with the
//! address of the next. At most [`MOST`] blocks are kept in a row: a quarter of a megabyte in all.

use std::{cell::UnsafeCell, ptr};

use super::allocator::{server_alloc, server_free};

/// Larger blocks are not kept.
pub const LARGEST: usize = 1024;
/// A row keeps no more blocks.
const MOST: usize = 8;
const ROWS: usize = LARGEST / 16 + 1;

/// Free blocks of one size.
#[derive(Clone, Copy)]
struct Row {
    first: *mut u8,
    len: usize,
}

/// The rows of one thread; only of one that opened them.
struct Shelf {
    open: bool,
    rows: [Row; ROWS],
}

thread_local! {
    static SHELF: UnsafeCell<Shelf> = const {
        UnsafeCell::new(Shelf { open: false, rows: [Row { first: ptr::null_mut(), len: 0 }; ROWS] })
    };
}

/// Keeps small blocks of this thread from now on.
pub fn open() {
    with(|shelf| shelf.open = true);
}

/// Works on this thread's shelf; `work` may not allocate.
#[inline]
fn with<T>(work: impl FnOnce(&mut Shelf) -> T) -> T {
    // SAFETY: The shelf is this thread's alone, and `work` does not come here again.
    SHELF.with(|shelf| work(unsafe { &mut *shelf.get() }))
}

/// The row of blocks for `size`, which is at most [`LARGEST`].
#[inline]
fn row_of(size: usize) -> usize {
    if size <= 8 { 0 } else { size.div_ceil(16) }
}

/// How large the blocks of a row are.
#[inline]
fn bytes_of(row: usize) -> usize {
    if row == 0 { 8 } else { row * 16 }
}

/// Whether blocks for both sizes are the same.
#[inline]
pub fn same(size: usize, other: usize) -> bool {
    size <= LARGEST && other <= LARGEST && row_of(size) == row_of(other)
}

/// A block of at least `size` bytes.
#[inline]
pub fn take(size: usize) -> *mut u8 {
    if size > LARGEST {
        return server_alloc(size);
    }
    let number = row_of(size);
    let kept = with(|shelf| {
        let row = shelf.rows.get_mut(number)?;
        let block = row.first;
        if block.is_null() {
            return None;
        }
        // SAFETY: A free block begins with the address of the next.
        row.first = unsafe { block.cast::<*mut u8>().read() };
        row.len -= 1;
        Some(block)
    });
    kept.unwrap_or_else(|| server_alloc(bytes_of(number)))
}

/// Gives a block back.
///
/// # Safety
/// [`take`] must have given it for this size, or for one of the same row, and nobody may have it
/// any more.
#[inline]
pub unsafe fn put(block: *mut u8, size: usize) {
    let kept = size <= LARGEST
        && with(|shelf| {
            let open = shelf.open;
            let room = |row: &&mut Row| open && row.len < MOST;
            let Some(row) = shelf.rows.get_mut(row_of(size)).filter(room) else {
                return false;
            };
            // SAFETY: The block is ours, aligned as the server's blocks are, and has room for an
            // address.
            unsafe { block.cast::<*mut u8>().write(row.first) };
            row.first = block;
            row.len += 1;
            true
        });
    if !kept {
        server_free(block);
    }
}
