//! The page of findings in English.

use super::{ClaimText, FindingsText};

pub(super) const EN: FindingsText = FindingsText {
    lang: "en",
    title: "What each filter does, measured",
    lead: "Looking is not measuring. {} filters of the network “{}” were shown {} and {} gratings, bars, edges, noise and greys; each \
           has a verdict made from its numbers, and each claim about them all a number with an interval and an answer.",
    data: [
        "{} aliased phantoms, like those that the built-in network was trained on,",
        "{} images of your own ({})",
        "no images, since none were given and the network is no restorer of grey pictures: what filters do on data, the effect of leaving them out and the claims about quality cannot be told,",
    ],
    contents: "Contents",

    claims_title: "The claims, put to the test",
    claims_lead: "Each row is a sentence that one could believe after looking at the pictures. The dot is what was measured, the line through \
                  it the 95% interval (bootstrap), the grey band what chance would give. The answer follows from these numbers.",
    claims: [
        ClaimText {
            sentence: "Most filters select vertical and horizontal lines.",
            number: "of all filters are lines within 15 degrees of horizontal or vertical",
            how: "A filter is a line if it prefers one orientation of gratings more than 99 of 100 of the same kernels with their taps \
                  shuffled do. Chance is even orientations. Bootstrap over filters.",
        },
        ClaimText {
            sentence: "Higher up the lines lie further apart.",
            number: "passed, by which the preferred frequency, in image pixels, changes",
            how: "The slope of the logarithm of the preferred frequency against the number of convolutions passed. Chance is no slope. \
                  Bootstrap over filters.",
        },
        ClaimText {
            sentence: "In the decoder the texture becomes nearly constant.",
            number: "variation of the pictures' local energy in the decoder, divided by that in the encoder",
            how: "Each climbed picture is cut into blocks of 16×16 pixels; the deviation of the blocks' energies is divided by their mean. \
                  Chance is a ratio of 1. Bootstrap over filters.",
        },
        ClaimText {
            sentence: "Several filters deal with borders.",
            number: "of the filters answer to the border, and stop when the image goes on behind it",
            how: "The ring that touches the border is told from the inside by the response, and its response vanishes when the same image lies \
                  in a larger, reflected canvas. Bootstrap over filters.",
        },
        ClaimText {
            sentence: "The filters that look like noise can go at the same quality.",
            number: "of PSNR lost if all filters whose pictures look like noise are replaced by their means at once",
            how: "On 64 phantoms never used before. Chance is random sets of the same size in each layer. Bootstrap over images.",
        },
        ClaimText {
            sentence: "The skips bring the detail back.",
            number: "of PSNR lost if all skips carry their means alone",
            how: "The channels that a skip brings are replaced by their mean, and the same phantoms restored. Bootstrap over images.",
        },
    ],
    answers: ["holds", "fails", "cannot be told"],
    interval: "95% interval {} to {}",
    chance: "chance {}, {} to {}",
    no_chance: "there is no chance to compare with",
    above: "It lies above chance.",
    below: "It lies below chance.",
    around: "Chance lies within the interval.",
    units: ["%", "octaves per convolution", "", "dB"],
    rows_behind: "The numbers behind it, as claims.json names them",
    claims_none: "No claim was measured.",

    layers_title: "The layers",
    layers_lead: "A bar is a layer, and its colours are the kinds of its filters. On the left the way down the U, on the right the way up; \
                  rows are sizes of the maps.",
    kinds_caption: "Kinds of filters in each layer. The numbers are the filters of the layer.",
    orientations_caption: "Orientations of the stripes that line filters prefer: the area of a sector is the share of filters. The dashed \
                           circle is what even orientations would give.",
    orientations_none: "There is no line filter, so there are no orientations to show.",
    frequency_caption: "Preferred frequency of lines and spots, in cycles per image pixel, against the number of convolutions passed. Bars are \
                        the medians of layers.",
    down: "way down",
    up: "way up",
    horizontal: "horizontal",
    vertical: "vertical",
    depth: "convolutions passed",
    frequency_axis: "cycles per pixel",
    median: "median",
    lines: "{} lines",
    table_summary: "The same as a table",
    layer: "Layer",
    filters: "Filters",
    threshold: "Threshold of line",
    middle: "Every place of these layers sees the border, so they were tuned in the middle of the map: {}.",
    kappa: "Two disjoint halves of the stimuli give the same verdicts up to a Cohen's kappa of {} (1: all the same; 0: as chance would).",
    routes_title: "By which route the gradient comes",
    routes_lead: "The gradient of each drawn filter, split where it first meets the way back by a skip or the way further down; means of the layer.",
    route_down: "below all skips",
    route_skip: "skip {}",

    filters_title: "The filters",
    filters_lead: "Choose a filter to see its picture, its tuning and the numbers that decided its verdict. A thumbnail is the climbed \
                   picture, or where there is none, or it is still its seed, the tuning.",
    verdicts: ["dead", "always on", "border", "line", "spot", "level", "noise", "unclear"],
    meanings: [
        "off everywhere on the data, or always the same",
        "on everywhere on the data and on every grey, black among them",
        "answers to the border of the image",
        "answers to stripes of one orientation",
        "answers to a size of pattern, whatever its orientation",
        "answers to brightness",
        "answers to noise more than to anything else",
        "none of these, or not clearly",
    ],
    all: "all",
    all_layers: "all",
    show: "Show",
    sort_by: "Sort by",
    in_layer: "Layer",
    keys: "The arrow keys go from filter to filter, Enter opens one.",
    shown: "{} of {} filters",
    filter_of: "Filter {} of {}",
    also: ", also {}",
    picture: "What the climb ended with",
    second: "From another seed",
    patch: "Best patch of the data: image {}, activation {}",
    no_patches: "Without data there are no patches to compare with.",
    spectrum: "The picture's spectrum; the middle is the lowest frequency",
    heat: "Tuning: the angle is the orientation of the stripes, outwards is finer",
    no_tuning: "It answers to no grating.",
    is_seed: "The picture is still the noise that it began with (correlation {}): it shows no pattern of the filter.",
    seed: "still the seed",
    not_drawn: "No picture was climbed for this filter.",
    yes: "yes",
    no: "no",
    proven: ["dead for every image of the data's range", "on for every image of the data's range"],
    measures: &[
        ("layer", "layer"),
        ("filter", "number"),
        ("verdict", "verdict"),
        ("on", "on, share of places"),
        ("dead_at_seed", "dead at the seed"),
        ("dormant", "activation / layer's mean"),
        ("proven", "proven"),
        ("orientation", "orientation, degrees"),
        ("frequency", "frequency, cycles per pixel"),
        ("selectivity", "selectivity"),
        ("bandwidth", "bandwidth, octaves"),
        ("border", "border (AUC)"),
        ("vanishes", "share of the ring's response that vanishes"),
        ("noise", "noise (AUC)"),
        ("same_spectrum", "same spectrum from 4 seeds"),
        ("gain_over_data", "picture / best patch"),
        ("way", "channels on the way (Spearman)"),
        ("flat", "flatness of the spectrum"),
        ("still_seed", "correlation with the seed, in the middle"),
        ("taylor", "taylor"),
        ("effect_db", "lost without it"),
    ],

    made_title: "How this was made",
    made_lead: "Every number on this page was measured by the command below, and stands with all its digits in filters.csv and claims.json. The \
                same command measures the same, but for times.",
    made: ["Command", "Network", "Computed by", "Data", "Version"],
};
