//! How far a run has come: a bar, and what is said beside it.

use std::sync::{Arc, Mutex};

use yarr_replicate::{
    event::{Event, Listener},
    replication::State,
};

use crate::output::{Output, Progress};

/// Hears the events of runs into a target: draws a bar, and says what ought to be known.
pub fn listener(output: &Output, target: &str) -> Listener {
    let output = output.clone();
    let target = target.to_string();
    let bar: Mutex<Option<Progress>> = Mutex::new(None);
    Arc::new(move |event| {
        // Nothing here panics while it holds it.
        let Ok(mut bar) = bar.lock() else { return };
        let said = match event {
            Event::Progress {
                replication,
                state,
                rows,
                of,
                ..
            } => {
                let bar = bar.get_or_insert_with(|| output.progress(*of, ""));
                bar.say(&format!("{} -> {target} {state}", replication.source));
                if let Some(of) = of {
                    bar.total(*of);
                }
                bar.set(*rows);
                None
            }
            Event::State { replication } => {
                // Each stage counts from nothing, at a rate of its own.
                if !matches!(replication.state, State::Exporting | State::Importing) {
                    *bar = None;
                }
                None
            }
            Event::Retry {
                replication,
                error,
                after,
            } => {
                *bar = None;
                Some(format!(
                    "{} -> {target}: {error}; tried again in {:.1} s",
                    replication.source,
                    after.as_secs_f64()
                ))
            }
            Event::Resync { source, reason, .. } => {
                Some(format!("{source} -> {target}: loaded anew: {reason}"))
            }
            Event::Warning { source, message } => {
                // Some say it themselves.
                let message = message
                    .strip_prefix(&format!("{source}: "))
                    .unwrap_or(message);
                Some(format!("{source} -> {target}: {message}"))
            }
            Event::Nothing { .. } | Event::Failed { .. } | Event::Lag { .. } => {
                *bar = None;
                None
            }
        };
        if let Some(text) = said {
            // Where stderr is closed there is nobody to tell.
            let _ = match &*bar {
                Some(bar) => bar.suspend(|| output.warn(&text)),
                None => output.warn(&text),
            };
        }
    })
}
