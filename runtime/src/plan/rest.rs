//! What follows a plan whose sizes are not all known: when its steps have told them, the rest is closed and planned. The plans
//! are kept by sizes, because the body of a loop comes back with the same ones again and again.

use super::{Plan, Settings, plan_body};
use crate::operation::Bodies;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use thalweg_lang::close::close;
use thalweg_lang::diagnostic::Diagnostic;
use thalweg_lang::graph::Rest;

/// How many plans are kept, the latest ones.
const MOST_PLANS: usize = 4096;

/// The rest of a plan.
pub(crate) struct Following {
    pub(super) rest: Rest,
    settings: Settings,
    limit: usize,
    known: Mutex<Known>,
}

/// The plans so far, each with the time of its last use.
#[derive(Default)]
struct Known {
    plans: HashMap<Vec<i64>, (Arc<Plan>, u64)>,
    time: u64,
}

impl Following {
    pub(super) fn new(rest: Rest, settings: Settings, limit: usize) -> Following {
        Following { rest, settings, limit, known: Mutex::default() }
    }

    /// How many sizes it waits for: the last outputs of the plan before it.
    pub(crate) fn waits_for(&self) -> usize {
        self.rest.told.len()
    }

    /// The plan for these sizes.
    pub(crate) fn plan(&self, told: Vec<i64>, bodies: &dyn Bodies) -> Result<Arc<Plan>, Diagnostic> {
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        {
            let mut known = known();
            known.time += 1;
            let time = known.time;
            if let Some((plan, used)) = known.plans.get_mut(&told) {
                *used = time;
                return Ok(plan.clone());
            }
        }
        let mut sizes = self.rest.known.clone();
        sizes.extend(self.rest.told.iter().cloned().zip(told.iter().copied()));
        let graph = close(&self.rest.graph, &sizes)?;
        let mut plan = plan_body(&graph, bodies, &self.settings, self.limit);
        crate::machine::loops::offer(&mut plan, bodies, self.settings.machine_code);
        let plan = Arc::new(plan);
        let mut known = known();
        if known.plans.len() >= MOST_PLANS {
            // Half of them at once, so that looking for the oldest costs little.
            let mut times: Vec<u64> = known.plans.values().map(|(_, used)| *used).collect();
            times.sort_unstable();
            let middle = times[times.len() / 2];
            known.plans.retain(|_, (_, used)| *used > middle);
        }
        let time = known.time;
        known.plans.insert(told, (plan.clone(), time));
        Ok(plan)
    }
}
