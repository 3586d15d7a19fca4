//! As much at once as there is memory for.

use crate::{Error, Result};

/// What `make` makes with `most` at once, or with half as much as often as it takes too much memory.
///
/// # Errors
/// Those of `make`; that there is not enough memory only if it is not enough for one.
pub fn fitting<T>(most: usize, mut make: impl FnMut(usize) -> Result<T>) -> Result<T> {
    let mut n = most;
    loop {
        match make(n) {
            Err(Error::Limit(_)) if n > 1 => n = n.div_ceil(2),
            made => return made,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_as_much_until_it_fits() {
        let most =
            |limit: usize| fitting(7, |n| if n <= limit { Ok(n) } else { Err(Error::Limit("too much".to_string())) });
        assert_eq!([most(7), most(6), most(3), most(1)].map(Result::ok), [Some(7), Some(4), Some(2), Some(1)]);
        assert!(matches!(most(0), Err(Error::Limit(_))));
        let fails: Result<usize> = fitting(7, |_| Err(Error::Usage("no".to_string())));
        assert!(matches!(fails, Err(Error::Usage(_))), "another error is none of memory");
    }
}
