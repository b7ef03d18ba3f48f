use std::{
    fs,
    io::Write,
    thread,
    time::{Duration, Instant},
};

use super::{
    DecisionLogMode, DecisionLogTarget, DecisionLogUnavailable,
    queue::{Batch, NextBatch, Queue},
    sink::{Sink, SinkFile},
    writer::Writer,
};
use crate::telemetry::{LogFormat, captured};

#[test]
fn mandatory_records_need_room_and_a_writer() {
    let now = Instant::now();
    let queue = Queue::new(8, DecisionLogMode::Mandatory);
    let push = |line: &[u8], now| queue.push(line, DecisionLogMode::Mandatory, now);
    let mut batch = Batch::default();
    assert_eq!(push(b"12345\n", now), Ok(()));
    assert_eq!(push(b"67\n", now), Err(DecisionLogUnavailable), "the queue is full");
    assert!(matches!(queue.take(&mut batch), NextBatch::Ready));
    assert_eq!((&*batch.lines, batch.records), (&b"12345\n"[..], 1));
    assert_eq!(push(b"1\n", now + Duration::from_secs(1)), Ok(()));
    let later = now + Duration::from_secs(4);
    assert_eq!(push(b"2\n", later), Err(DecisionLogUnavailable), "a write does not return");
    queue.failed(&std::io::ErrorKind::StorageFull.into(), Duration::ZERO);
    assert_eq!(push(b"3\n", now), Err(DecisionLogUnavailable), "the last write failed");
    assert_eq!(queue.push(b"4\n", DecisionLogMode::BestEffort, now), Ok(()));
    queue.written();
    assert_eq!(push(b"5\n", now), Ok(()));
    batch = Batch::default();
    queue.close();
    assert!(matches!(queue.take(&mut batch), NextBatch::Ready));
    assert_eq!((&*batch.lines, batch.records), (&b"1\n4\n5\n"[..], 3));
    assert!(matches!(queue.take(&mut Batch::default()), NextBatch::Closed));
    assert_eq!(push(b"6\n", now), Ok(()));
    assert_eq!(queue.end(), 1);
    assert_eq!(push(b"7\n", now), Err(DecisionLogUnavailable), "the writer has ended");
}

#[test]
fn renamed_file_is_opened_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("log");
    let mut sink = Sink::open(&DecisionLogTarget::File(path.clone())).expect("a file");
    sink.write(b"1\n", &mut 0).expect("a write");
    assert_eq!(sink.reopen_if_replaced().expect("a file"), SinkFile::Same);
    fs::rename(&path, folder.path().join("log.1")).expect("a rename");
    assert_eq!(sink.reopen_if_replaced().expect("a file"), SinkFile::Opened);
    sink.write(b"2\n", &mut 0).expect("a write");
    assert_eq!(fs::read_to_string(folder.path().join("log.1")).expect("text"), "1\n");
    assert_eq!(fs::read_to_string(&path).expect("text"), "2\n");
    fs::File::create(&path).expect("a file").write_all(b"{\"cut").expect("a write");
    fs::rename(&path, folder.path().join("log.2")).expect("a rename");
    fs::rename(folder.path().join("log.2"), &path).expect("a rename");
    let mut sink = Sink::open(&DecisionLogTarget::File(path.clone())).expect("a file");
    sink.write(b"3\n", &mut 0).expect("a write");
    assert_eq!(fs::read_to_string(&path).expect("text"), "{\"cut\n3\n");
}

#[test]
fn last_attempt_at_the_end_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let [logs, away] = ["logs", "away"].map(|name| folder.path().join(name));
    fs::create_dir(&logs).expect("a folder");
    let path = logs.join("decisions");
    let sink = Sink::open(&DecisionLogTarget::File(path.clone())).expect("a file");
    fs::rename(&logs, &away).expect("a rename");
    let queue = Queue::new(100, DecisionLogMode::Mandatory);
    let push = |line| queue.try_push(line, DecisionLogMode::Mandatory, Instant::now());
    push(b"1\n").expect("room");
    let log = thread::scope(|scope| {
        let run = || captured(LogFormat::Text, || Writer::new(&queue, sink).run());
        let writer = scope.spawn(run);
        while push(b"").is_ok() {
            thread::yield_now();
        }
        fs::create_dir(&logs).expect("a folder");
        queue.close();
        writer.join().expect("no panic")
    });
    assert_eq!(fs::read_to_string(&path).expect("text"), "1\n");
    assert!(!log.contains("lost"), "{log}");
}
