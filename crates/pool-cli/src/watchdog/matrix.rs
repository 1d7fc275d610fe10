use comfy_table::{CellAlignment, Table, presets};
use pool_watchdog::Matrix;

use crate::render::printable;

/// What a deliverable covers, a row a subject; nothing where it has no subjects.
pub(crate) fn table(matrix: &Matrix) -> String {
    if matrix.subjects.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    let columns = matrix.dimensions.iter().map(String::as_str);
    let named = matrix.dimensions.is_empty().then_some("is named");
    let header = [matrix.path.as_str()].into_iter().chain(columns).chain(named);
    table.set_header(header.map(printable));
    for (subject, cells) in matrix.subjects.iter().zip(&matrix.covered) {
        let cells = cells.iter().map(|&is_covered| if is_covered { "yes" } else { "NO" }.to_owned());
        table.add_row([format!("  {}", printable(subject))].into_iter().chain(cells));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, 2));
        column.set_cell_alignment(if index == 0 { CellAlignment::Left } else { CellAlignment::Center });
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n") + "\n"
}
