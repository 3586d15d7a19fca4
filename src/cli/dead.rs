//! Why filters are dead, in words.

use super::start::Init;
use crate::Result;
use crate::engine::exec::Executor;
use crate::findings::{self, Data, WhyDead};
use crate::lens::ascent::{Climb, Verdict};
use crate::network::Network;
use std::collections::HashMap;

/// So many phantoms are shown to a dead filter.
const PHANTOMS: usize = 8;

/// By the filters' numbers.
pub(super) type Whys = HashMap<usize, WhyDead>;

/// Found on a few phantoms, if the network restores such pictures, and by bounds for every image of their range. What there is no
/// memory for stays unknown.
///
/// # Errors
/// If the device fails.
pub(super) fn why(executor: &dyn Executor, network: &Network, layer: usize, climbs: &[Climb]) -> Result<Whys> {
    let dead = climbs.iter().filter(|climb| climb.verdict == Verdict::Dead);
    let dead: Vec<usize> = dead.map(|climb| climb.filter).collect();
    if dead.is_empty() || !findings::data::restores(network) {
        return Ok(Whys::new());
    }
    let found = Data::standard(network, PHANTOMS, 0)
        .and_then(|data| findings::why_dead(executor, network, layer, &dead, &data));
    match found {
        Ok(why) => Ok(dead.into_iter().zip(why).collect()),
        Err(crate::Error::Limit(_) | crate::Error::Memory(_) | crate::Error::Usage(_)) => Ok(Whys::new()),
        Err(error) => Err(error),
    }
}

/// What the table says besides.
pub(super) fn said(why: Option<&WhyDead>, init: &Init) -> &'static str {
    match (why, init) {
        (Some(WhyDead::Proven), _) => "; off for every image in the range of phantoms, by interval bounds",
        (Some(WhyDead::LivesOnData), Init::Phantom) => "; it lives on other phantoms: another --seed, or --rescue 4",
        (Some(WhyDead::LivesOnData), _) => "; it lives on phantoms: --init phantom",
        (Some(WhyDead::OffOnData), _) => "; off on phantoms, too",
        (None, _) => "",
    }
}
