//! What `docs/lesson.md` shows is what the commands print.

#[test]
fn the_lesson_is_true() {
    trycmd::TestCases::new().register_bin("unet-lens", trycmd::cargo::cargo_bin!("unet-lens")).case("docs/lesson.md");
}
