//! Aligned text tables, and sizes for people.

/// Aligns rows in columns, two spaces apart, without trailing spaces.
pub fn aligned<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; N] = std::array::from_fn(width);
    let line = |row: &[String; N]| {
        let cells: Vec<_> = row.iter().zip(widths).map(|(cell, width)| format!("{cell:<width$}")).collect();
        format!("{}\n", cells.join("  ").trim_end())
    };
    rows.iter().map(line).collect()
}

/// `2.4 GB`: powers of 1000, as on model pages.
pub fn bytes(bytes: u64) -> String {
    match bytes {
        0..1_000 => format!("{bytes} B"),
        1_000..1_000_000 => format!("{} kB", bytes / 1_000),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let row = |a: &str, b: &str| [a.to_owned(), b.to_owned()];
        assert_eq!(aligned(&[row("é", "1"), row("three", "")]), "é      1\nthree\n");
    }

    #[test]
    fn bytes_are_short() {
        let shown = [0, 999, 1_500, 2_396_770_688].map(bytes);
        assert_eq!(shown, ["0 B", "999 B", "1 kB", "2.4 GB"]);
    }
}
