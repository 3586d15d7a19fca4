//! The header of an .npy file, a Python literal: `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`. NumPy asks for
//! exactly these three keys, and so does this.

/// The header's entries.
#[derive(Debug, PartialEq)]
pub struct Literal<'h> {
    /// `None` if it is no text: a list, of records.
    pub descr: Option<&'h str>,
    pub fortran_order: bool,
    pub shape: Vec<u64>,
}

/// Reads the header; `None` if it is written otherwise.
pub fn parse(header: &str) -> Option<Literal<'_>> {
    let mut reader = Reader(header);
    let (mut descr, mut fortran_order, mut shape) = (None, None, None);
    reader.expect('{')?;
    while !reader.comes('}') {
        let key = reader.text()?;
        reader.expect(':')?;
        let is_new = match key {
            "descr" => descr.replace(reader.descr()?).is_none(),
            "fortran_order" => fortran_order.replace(reader.flag()?).is_none(),
            "shape" => shape.replace(reader.tuple()?).is_none(),
            _ => false,
        };
        if !is_new || !(reader.comes(',') || reader.is_at('}')) {
            return None;
        }
    }
    reader.is_at_end().then_some(Literal { descr: descr?, fortran_order: fortran_order?, shape: shape? })
}

/// What is left to read.
struct Reader<'h>(&'h str);

impl<'h> Reader<'h> {
    fn is_at(&mut self, c: char) -> bool {
        self.0 = self.0.trim_start_matches([' ', '\t', '\r', '\n']);
        self.0.starts_with(c)
    }

    fn is_at_end(&mut self) -> bool {
        self.is_at(' ');
        self.0.is_empty()
    }

    fn comes(&mut self, c: char) -> bool {
        let is_there = self.is_at(c);
        if is_there {
            self.0 = &self.0[c.len_utf8()..];
        }
        is_there
    }

    fn expect(&mut self, c: char) -> Option<()> {
        self.comes(c).then_some(())
    }

    /// A text in quotes of either kind.
    fn text(&mut self) -> Option<&'h str> {
        let quote = if self.comes('\'') {
            '\''
        } else {
            self.expect('"')?;
            '"'
        };
        let (text, rest) = self.0.split_once(quote)?;
        self.0 = rest;
        Some(text)
    }

    /// A text, or a list that is passed over.
    fn descr(&mut self) -> Option<Option<&'h str>> {
        if !self.is_at('[') {
            return self.text().map(Some);
        }
        let mut depth = 0usize;
        for (at, c) in self.0.char_indices() {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                self.0 = &self.0[at + 1..];
                return Some(None);
            }
        }
        None
    }

    fn flag(&mut self) -> Option<bool> {
        self.is_at(' ');
        let (value, rest) = match self.0.strip_prefix("True") {
            Some(rest) => (true, rest),
            None => (false, self.0.strip_prefix("False")?),
        };
        self.0 = rest;
        Some(value)
    }

    /// "(2, 3)", "(2,)" or "()"; Python 2 wrote "(2L, 3L)".
    fn tuple(&mut self) -> Option<Vec<u64>> {
        let mut numbers = vec![];
        self.expect('(')?;
        while !self.comes(')') {
            self.is_at(' ');
            let end = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            numbers.push(self.0[..end].parse().ok()?);
            self.0 = &self.0[end..];
            self.comes('L');
            let is_last = !self.comes(',');
            if is_last && (!self.is_at(')') || numbers.len() == 1) {
                return None;
            }
        }
        Some(numbers)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_numpy_writes() {
        let expected =
            |shape: &[u64]| Some(Literal { descr: Some("<f4"), fortran_order: false, shape: shape.to_vec() });
        for (shape, numbers) in [("()", &[][..]), ("(2,)", &[2]), ("(2, 3)", &[2, 3]), ("(2L, 3L)", &[2, 3])] {
            let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}    \n");
            assert_eq!(parse(&header), expected(numbers), "{header}");
        }
        assert_eq!(parse("{\"shape\":(1,2),\"descr\":\"<f4\",\"fortran_order\":False}"), expected(&[1, 2]));
        let records =
            parse("{'descr': [('a', '<f4', (2,)), ('b', [('c', 'u1')])], 'fortran_order': True, 'shape': (1, 2)}");
        assert_eq!(records, Some(Literal { descr: None, fortran_order: true, shape: vec![1, 2] }));
    }

    #[test]
    fn what_it_does_not() {
        let good = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
        assert!(parse(good).is_some());
        for (from, to) in [
            ("(2, 3)", "(2, 3"),
            ("(2, 3)", "(2 3)"),
            ("(2, 3)", "(2, 3,,)"),
            ("(2, 3)", "(-2, 3)"),
            ("(2, 3)", "(6)"),
            ("(2, 3)", "(99999999999999999999, 3)"),
            ("False", "1"),
            ("False", "Falsehood"),
            ("'<f4'", "'<f4"),
            ("'<f4',", "'<f4'"),
            ("'descr'", "'desc'"),
            ("'descr'", "'shape'"),
            ("}", "} }"),
            ("}", "'more': 1}"),
            ("}", ""),
            ("{", ""),
        ] {
            let header = good.replacen(from, to, 1);
            assert_eq!(parse(&header), None, "{header}");
        }
    }
}
