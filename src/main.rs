//! The program: everything is in the library.

/// Gives memory back soon after a flood, and takes less time for small pieces than the allocator of the C library.
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    claviger::cli::main()
}
