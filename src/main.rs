use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(unet_lens::cli::main(std::env::args_os()))
}
