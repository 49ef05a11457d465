//! Writes the well-formed samples of each kind of input as the seed corpus of the fuzz targets:
//! `cargo run -p phi-tests --example samples`.

use std::fs;

use phi_tests::inputs::KINDS;

fn main() -> std::io::Result<()> {
    for kind in &KINDS {
        let folder = phi_tests::workspace().join("tests/fuzz/corpus").join(kind.name);
        fs::create_dir_all(&folder)?;
        for (number, sample) in (kind.samples)().iter().enumerate() {
            fs::write(folder.join(format!("sample-{number}")), sample)?;
        }
    }
    Ok(())
}
