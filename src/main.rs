use std::process::ExitCode;

fn main() -> ExitCode {
    match unet_lens::cli::run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            unet_lens::cli::fail(&error);
            ExitCode::from(error.exit_code())
        }
    }
}
