//! The rotation of a tenant's key: a new version, and all secrets rewrapped to it.

mod due;
mod error;
mod exclusive;
mod monitor;
mod report;
mod rewrap;
mod rotate;

pub use self::{
    due::{DueRotation, rotate_if_due, survey_if_due},
    error::RotationError,
    monitor::{RotationMonitor, RotationPass},
    report::{OldVersions, RotationReason, RotationReport, RotationStart},
    rewrap::RewrapMode,
    rotate::{rotate, survey},
};
