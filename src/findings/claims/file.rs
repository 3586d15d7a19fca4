//! claims.json.

use super::row;
use crate::findings::{Answer, Claim, Text, Unit};
use serde_json::{Value, json};

/// All claims as a file: `{"claims": [...]}`. Of the same findings the same bytes, but for what was timed.
pub fn json(claims: &[Claim]) -> String {
    let claims: Vec<Value> = claims.iter().map(one).collect();
    let mut text = serde_json::to_string_pretty(&json!({ "claims": claims })).unwrap_or_default();
    text.push('\n');
    text
}

fn one(claim: &Claim) -> Value {
    json!({
        "id": claim.id,
        "sentence": sentence(claim.sentence),
        "number": row(Some(claim.number).filter(|number| number.value.is_finite())),
        "unit": unit(claim.unit),
        "bound": claim.bound,
        "chance": row(claim.chance),
        "answer": answer(claim.answer),
        "how": claim.how.to_string(),
        "details": claim.details,
    })
}

/// The sentence in English.
pub fn sentence(text: Text) -> &'static str {
    match text {
        Text::Lines => "Most filters select vertical and horizontal lines.",
        Text::Spacing => "Higher up the lines lie further apart.",
        Text::Evenness => "In the decoder the texture becomes nearly constant.",
        Text::Borders => "Several filters deal with borders.",
        Text::Pruning => "The filters that look like noise can go at the same quality.",
        Text::Skips => "The skips bring the detail back.",
    }
}

fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Share => "share",
        Unit::OctavesPerLayer => "octaves per convolution",
        Unit::Ratio => "ratio",
        Unit::Decibel => "dB",
    }
}

fn answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Holds => "holds",
        Answer::Fails => "fails",
        Answer::CannotBeTold => "cannot be told",
    }
}
