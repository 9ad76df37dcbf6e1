//! The `myrmex` binary. Everything is in the library.

fn main() -> std::process::ExitCode {
    myrmex::cli::main()
}
