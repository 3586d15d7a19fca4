//! Where the nodes of a network stand when it is drawn as a U: one row for each image size, the way down on the left,
//! the way up on the right.

/// What stands in the drawing.
pub struct Station {
    pub id: usize,
    /// n, h, w, c
    pub shape: [usize; 4],
    /// The stations that it reads, by their ids.
    pub inputs: Vec<usize>,
}

/// Columns are counted in thumbnails, from the left; rows from the top.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    pub columns: f64,
    pub rows: usize,
    /// For each station, in order, the column and row of its upper left corner.
    pub spots: Vec<(f64, usize)>,
    pub edges: Vec<Edge>,
}

/// From a node to one that reads it, both by their place in the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edge {
    pub from: usize,
    pub to: usize,
    /// It passes over other nodes.
    pub skip: bool,
}

/// How far each row is set in from the one above.
const INDENT: f64 = 0.4;
/// Free columns between the two arms, where the skips pass.
const GAP: f64 = 1.5;

impl Layout {
    pub fn new(forward: &[Station]) -> Layout {
        let index = &|id: usize| forward.iter().position(|node| node.id == id).expect("an input is a forward node");
        // One number per image has no size of its own: it stands where its input stands.
        let height = |node: &Station| match node.shape {
            [_, 1, 1, _] if !node.inputs.is_empty() => forward[index(node.inputs[0])].shape[1],
            [_, h, ..] => h,
        };
        let mut sizes: Vec<usize> = forward.iter().map(height).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        sizes.dedup();
        let row = |node: &Station| sizes.iter().position(|&size| size == height(node)).expect("listed above");
        let rows: Vec<usize> = forward.iter().map(row).collect();
        let bottom = sizes.len() - 1;
        // The way down ends where the bottom is reached.
        let turn = rows.iter().position(|&r| r == bottom).unwrap_or(0);
        let is_right = |i: usize| i > turn && rows[i] != bottom;
        let count = |r: usize, right: bool| (0..rows.len()).filter(|&i| rows[i] == r && is_right(i) == right).count();
        let indent = |r: usize| r as f64 * INDENT;
        let widths = (0..=bottom).map(|r| {
            let gap = if count(r, true) > 0 { GAP } else { 0.0 };
            (count(r, false) + count(r, true)) as f64 + gap + 2.0 * indent(r)
        });
        let columns = widths.fold(1.0, f64::max);
        let mut placed = vec![(0, 0); bottom + 1];
        let spots = (0..rows.len()).map(|i| {
            let r = rows[i];
            let (left, right) = &mut placed[r];
            let column = if is_right(i) {
                *right += 1;
                columns - indent(r) - count(r, true) as f64 + f64::from(*right - 1)
            } else {
                *left += 1;
                let start = if r == bottom && r > 0 { (columns - count(r, false) as f64) / 2.0 } else { indent(r) };
                start + f64::from(*left - 1)
            };
            (column, r)
        });
        let spots = spots.collect();
        let edges = forward.iter().enumerate().flat_map(|(to, node)| {
            node.inputs.iter().map(move |&x| {
                let from = index(x);
                Edge { from, to, skip: from + 1 != to }
            })
        });
        Layout { columns, rows: sizes.len(), spots, edges: edges.collect() }
    }
}
