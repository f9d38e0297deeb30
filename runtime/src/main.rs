//! The `gridpact` program.

fn main() -> std::process::ExitCode {
    gridpact::cli::main()
}
