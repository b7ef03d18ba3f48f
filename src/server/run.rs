use std::{sync::Arc, time::Duration};

use crate::{
    config::Settings,
    server::{
        handlers::SharedState,
        listeners::{Listeners, ServedListeners},
        reload::ConfigReload,
        run_error::RunError,
        service::Service,
    },
    telemetry::{DecisionLog, DecisionLogError, Metrics, report_logs},
    vault::Client,
};

/// The maximum time for writing the queued records of the decision log at the end.
const DECISION_LOG_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs the service until `stop` completes and the requests in flight have their responses. Applies the
/// configuration again whenever `reload` asks for it.
///
/// # Errors
/// [`RunError`] if it cannot start. An unavailable Vault is no error: the service reports it in
/// its responses, and keeps retrying.
pub async fn run(
    settings: Settings,
    reload: ConfigReload,
    stop: impl Future<Output = ()>,
) -> Result<(), RunError> {
    let metrics = Arc::new(Metrics::default());
    let client = Client::new(&settings.vault, Arc::clone(&metrics))?;
    let decision_log = start_decision_log(&settings)?;
    let listeners = Listeners::bind(&settings, &metrics).await?;
    let start_line = listeners.start_line(&settings);
    let shared = SharedState::new(metrics, decision_log.clone(), listeners.shutdown_token());
    let (mut service, mut exited) = Service::start(&settings, client, shared)?;
    drop(settings);
    let listeners = listeners.serve(&service.current);
    start_line.log();

    let outcome = tokio::select! {
        () = stop => Ok(()),
        Some(task) = exited.recv() => Err(RunError::TaskExited(task)),
        never = service.reload_on_request(&reload) => match never {},
    };
    shut_down(listeners, service, decision_log.as_deref()).await;
    outcome
}

fn start_decision_log(settings: &Settings) -> Result<Option<Arc<DecisionLog>>, DecisionLogError> {
    let log = settings.decision_log.as_ref().map(DecisionLog::start).transpose()?;
    Ok(log.map(Arc::new))
}

/// Drains the listeners, the admin listener last, closes the service, and writes what is left to the logs.
async fn shut_down(
    listeners: ServedListeners,
    mut service: Service,
    decision_log: Option<&DecisionLog>,
) {
    tracing::info!("stopping");
    listeners.shut_down().await;
    service.close().await;
    if let Some(log) = decision_log {
        log.close(DECISION_LOG_TIMEOUT);
    }
    report_logs();
    tracing::info!("stopped");
}
