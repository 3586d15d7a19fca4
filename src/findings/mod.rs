//! What was found: what each filter does, said in numbers and put to the test.

pub mod stats;
