//! What the article's page says of numbers that are given, in English and Spanish.

mod common;

use unet_lens::engine::tensor::Shape;
use unet_lens::findings::Interval;
use unet_lens::page::strings::Lang;
use unet_lens::page::{Article, Does, Passed, Skip, article};
use unet_lens::picture::{Colormap, Figure, Panel, grid};

fn figure() -> Figure {
    grid("", &[Panel::blank("")], 1, Colormap::Viridis)
}

/// The page of a network that restores, and of which nothing else is known than what its skips are good for.
fn page(lang: Lang, built_in: bool, skips: &[Skip]) -> String {
    let network = common::network("tiny.h5");
    let does = Does::Restores {
        results: vec![],
        figure: figure(),
        others: vec![],
        others_figure: Some(figure()),
        gain: (20.0, 30.0),
        built_in,
    };
    let passed = Passed { name: "a phantom".to_string(), layers: vec![] };
    let page = article(&Article {
        lang,
        network: &network,
        image: Shape::new(1, 16, 12, 1),
        does: Ok(&does),
        first: &(0, figure()),
        climbed: &[],
        found: &[],
        images: 0,
        passed: Ok(&passed),
        skips,
        dream: Err("nothing to dream of".to_string()),
        redraw: &|_, _| String::new(),
        made: &[],
    });
    page.unwrap()
}

/// Where the training is known, phantoms are like it and other pictures are not; where it is not known, neither is said.
#[test]
fn what_it_was_trained_on_is_said_of_the_built_in_network_alone() {
    let known = [
        (
            Lang::En,
            ["like those of its training, nearer", "Pictures that are like nothing it was trained on tell more."],
        ),
        (
            Lang::Es,
            [
                "como los de su entrenamiento: de",
                "Las imágenes que no se parecen a nada de su entrenamiento dicen más.",
            ],
        ),
    ];
    let unknown = [
        (
            Lang::En,
            [
                "like those that the built-in network was trained on, nearer",
                "Here are two pictures that are no phantoms.",
            ],
        ),
        (Lang::Es, ["como los del entrenamiento de la red incluida: de", "Aquí hay dos imágenes que no son fantomas."]),
    ];
    for ((lang, of_built_in), (_, of_another)) in known.into_iter().zip(unknown) {
        for (built_in, said, not_said) in [(true, of_built_in, of_another), (false, of_another, of_built_in)] {
            let page = page(lang, built_in, &[]);
            for text in said {
                assert!(page.contains(text), "{built_in}: {text}");
            }
            for text in not_said {
                assert!(!page.contains(text), "{built_in}: {text}");
            }
        }
    }
}

/// Each number of a skip has its interval where there is one, and after all of them it is said what they do not tell.
#[test]
fn what_a_skip_is_good_for_has_an_interval() {
    let skip = |from: &str, lost: f64, interval: Option<(f64, f64)>| Skip {
        from: from.to_string(),
        to: "merge".to_string(),
        images: 16,
        lost,
        interval: interval.map(|(low, high)| Interval { value: lost, low, high }),
    };
    let skips = [skip("a", 1.2344, Some((0.9876, 1.5))), skip("b", 0.5, None)];
    let (english, spanish) = (page(Lang::En, true, &skips), page(Lang::Es, true, &skips));
    for text in [
        "replaced by their means, and 16 phantoms, not those that the means are of, restored again. Without what a",
        "Without what a brings to merge the PSNR falls by 1.23 dB (95% interval over the phantoms 0.988 to 1.5). Without what b",
        "Without what b brings to merge the PSNR falls by 0.5 dB. Whether the skips matter more than as many other channels do \
         is not told by these numbers: unet-lens findings measures it.</p>",
    ] {
        assert!(english.contains(text), "{text}");
    }
    for text in [
        "se sustituyeron por sus medias, y 16 fantomas, distintos de aquellos de los que son las medias, se restauraron otra vez. Sin lo que a",
        "Sin lo que a lleva a merge la PSNR baja 1.23 dB (intervalo del 95 % sobre los fantomas: de 0.988 a 1.5). Sin lo que b",
        "Sin lo que b lleva a merge la PSNR baja 0.5 dB. Si las conexiones de salto importan más que otros tantos canales no lo \
         dicen estos números: lo mide unet-lens findings.</p>",
    ] {
        assert!(spanish.contains(text), "{text}");
    }
    assert!(!page(Lang::En, true, &[]).contains("What a skip is good for"), "nothing was measured");
}
