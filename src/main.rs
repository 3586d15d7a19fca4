use std::process::ExitCode;

fn main() -> ExitCode {
    match unet_lens::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("unet-lens: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
