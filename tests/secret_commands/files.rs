//! `secrets render`: whose the file is and becomes, and folders that others may write to.

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::Path,
};

use serde_json::json;

use super::{
    Platform,
    place::{Place, TIMEOUT, can_unshare, through},
    set,
};
use crate::support::{
    shell::{Ended, Shell},
    wait::eventually,
};

const OTHER: u32 = 12345;

fn render(shell: &Shell, file: &Path, options: &[&str]) -> Ended {
    let file = file.display().to_string();
    shell.run(&[&["secrets", "render", "acme", "crm", "--file", &file], options].concat())
}

fn owner(file: &Path) -> (u32, u32) {
    let found = fs::metadata(file).expect("a file");
    (found.uid(), found.gid())
}

#[tokio::test(flavor = "multi_thread")]
async fn writable_folders_are_refused() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let inner = place.folder.path().join("inner");
    fs::create_dir(&inner).expect("a folder");
    let file = inner.join("crm.env");
    let mode = |path: &Path, mode| {
        fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
    };
    for folder in [place.folder.path(), &inner] {
        for open in [0o777, 0o702] {
            mode(folder, open);
            let refused = render(&acme, &file, &[]);
            refused.failed(1, "every user may write to the directory");
            assert!(refused.stderr.contains(&folder.display().to_string()), "{refused:?}");
            assert!(!file.exists());
        }
        // Only a file's owner replaces it there.
        mode(folder, 0o1777);
        render(&acme, &file, &[]).done();
        fs::remove_file(&file).expect("a file");
        mode(folder, 0o700);
    }
    mode(&inner, 0o777);
    render(&acme, &file, &["--allow-shared-folder"]).done();
    assert_eq!(fs::read_to_string(&file).expect("a file"), "A=1\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn root_refuses_files_of_other_users() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let (folder, file) = (place.folder.path(), place.file());
    fs::write(&file, "theirs").expect("a file");
    if chown(&file, Some(OTHER), Some(OTHER)).is_err() {
        eprintln!("skipped: giving files away needs root");
        return;
    }
    let theirs = || {
        assert_eq!(fs::read_to_string(&file).expect("a file"), "theirs");
        assert_eq!(owner(&file), (OTHER, OTHER));
    };
    // Everybody can put a file into a folder like /tmp, and into one that is allowed.
    for (mode, options) in [(0o1777, &[][..]), (0o777, &["--allow-shared-folder"])] {
        fs::set_permissions(folder, Permissions::from_mode(mode)).expect("a mode");
        render(&acme, &file, options).failed(1, "the file belongs to user 12345");
        theirs();
    }
    fs::set_permissions(folder, Permissions::from_mode(0o700)).expect("a mode");
    chown(folder, Some(OTHER), Some(OTHER)).expect("root");
    render(&acme, &file, &[]).failed(1, "belongs to user 12345, who may replace files in it");
    render(&acme, &file, &["--owner", "54321"]).failed(1, "belongs to user 12345");
    theirs();
    // Who names that user means it.
    let ours = [&["--owner", "12345:54321"][..], &["--owner", "12345:54321"]];
    for (options, outcome) in ours.into_iter().zip(["written", "unchanged"]) {
        let message = render(&acme, &file, &[options, &["--output", "json"]].concat()).json();
        assert_eq!(message["outcome"], outcome);
        assert_eq!(owner(&file), (OTHER, 54321));
    }
    // A file of root's in somebody's folder may be one that a link of theirs leads to.
    fs::remove_file(&file).expect("a file");
    fs::write(&file, "root's").expect("a file");
    render(&acme, &file, &["--owner", "12345"]).failed(1, "the file belongs to user 0");
    // Nobody but root can have put it into a folder of root's.
    chown(folder, Some(0), Some(0)).expect("root");
    render(&acme, &file, &["--owner", "nobody"]).done();
    let unprivileged = owner(&file);
    assert_ne!(unprivileged.0, 0);
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    render(&acme, &file, &[]).done();
    assert_eq!(
        (owner(&file), fs::read_to_string(&file).expect("a file").as_str()),
        (unprivileged, "A=2\n")
    );
    render(&acme, &file, &["--owner", "no-such-user"])
        .failed(2, "user no-such-user does not exist");
    // Links that somebody else made lead elsewhere.
    let link = folder.join("link");
    std::os::unix::fs::symlink(folder, &link).expect("a link");
    render(&acme, &link.join("crm.env"), &[]).done();
    std::os::unix::fs::lchown(&link, Some(OTHER), Some(OTHER)).expect("root");
    render(&acme, &link.join("crm.env"), &[]).failed(1, "belongs to user 12345");
}

#[tokio::test(flavor = "multi_thread")]
async fn persistent_file_warns_once() {
    if !can_unshare(&["--mount"]) {
        return;
    }
    let platform = Platform::start().await;
    let acme = platform.acme();
    set(&acme, "acme", "crm", &json!({"A": "1"}));
    let place = Place::new();
    let file = place.file().display().to_string();
    let folder = place.folder.path().display().to_string();

    let bound = "touch \"$0/crm.env\"; mount --bind \"$0/crm.env\" \"$0/crm.env\"; exec \"$@\"";
    let launcher = ["unshare", "--mount", "sh", "-ec", bound, &folder];
    let render = ["secrets", "render", "acme", "crm", "--file", &file];
    let output = through(&launcher, &acme.command(&render)).output().expect("it starts");
    let message = String::from_utf8(output.stderr).expect("text");
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains("mount its folder instead"), "{message}");

    // A file system with room for one file besides its root.
    let full = "mount -t tmpfs -o nr_inodes=2,mode=0700 none \"$0\"; exec \"$@\"";
    let launcher = ["unshare", "--mount", "sh", "-ec", full, &folder];
    let watch = place.watch_through(&acme, &launcher, &[], "echo told");
    let report = async |words: &str, times| {
        let message = || watch.log().matches(words).count() >= times;
        eventually(TIMEOUT, words, async || message().then_some(())).await;
    };
    report("told", 1).await;
    set(&acme, "acme", "crm", &json!({"A": "2"}));
    report("No space left", 1).await;
    let reads = || platform.bao.audited("secret/data/tenants/acme/crm");
    let before = reads();
    eventually(TIMEOUT, "more tries", async || (reads() >= before + 6).then_some(())).await;
    assert_eq!(watch.log().matches("No space left").count(), 1, "{}", watch.log());
}

#[tokio::test(flavor = "multi_thread")]
async fn code_loading_keys_need_permission() {
    let platform = Platform::start().await;
    let acme = platform.acme();
    let place = Place::new();
    for key in ["LD_PRELOAD", "NODE_OPTIONS"] {
        set(&acme, "acme", "crm", &json!({"A": "1", key: "x"}));
        render(&acme, &place.file(), &[]).failed(1, &format!("--allow {key}"));
        render(&acme, &place.file(), &["--allow", key]).done();
        fs::remove_file(place.file()).expect("a file");
    }
}
