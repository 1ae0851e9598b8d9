import Foundation

/// A hidden folder beside the place of what is being made, which gets its name when it is whole: `.name.partial`.
///
/// Its maker holds a lock on it that ends with the process, however it ends, and stays on the folder after `publish`.
/// What a killed process left is emptied by the next maker of the same name, and removed, once it is old, by the next of
/// any; what nobody publishes goes with this object.
public final class PartialFolder {
  public enum Failure: Error {
    /// Another process is making the same.
    case taken
    /// It is there, and its file system knows no locks, so that nobody knows whether another process is making it.
    case unknown(URL)
    /// The place is taken meanwhile.
    case exists
    /// The system's error number.
    case system(Int32)
  }

  public let url: URL
  /// Where it will be.
  public let place: URL
  /// Holds the lock; open as long as this object, unless it is taken over.
  private var lock: Int32
  private var isOwn = false

  /// Makes the folder, and those above it.
  /// - Throws: `Failure`, or Foundation's error where folders cannot be made.
  public init(for place: URL) throws {
    self.place = place
    url = place.deletingLastPathComponent().appendingPathComponent(
      HiddenName.of(place.lastPathComponent, "partial"), isDirectory: true)
    lock = -1
    // Whoever had the lock may have published or removed the folder between our opening and locking it.
    while lock < 0 {
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      let isNew = mkdir(url.path, 0o777) == 0
      guard isNew || errno == EEXIST else { throw Failure.system(errno) }
      do {
        lock = try Self.locked(url)
      } catch {
        if isNew { rmdir(url.path) }
        throw error
      }
    }
    isOwn = true
    Leftovers.clear(url.deletingLastPathComponent())
    for left in try FileManager.default.contentsOfDirectory(atPath: url.path) {
      try FileManager.default.removeItem(at: url.appendingPathComponent(left))
    }
  }

  /// The folder, opened and locked; -1 where it went meanwhile.
  private static func locked(_ url: URL) throws -> Int32 {
    // Whoever put a link there may mean anything by it; what it leads to is not ours to empty.
    let file = open(url.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
    guard file >= 0 else {
      if errno == ENOENT { return -1 }
      throw Failure.system(errno)
    }
    do {
      let outcome = FileLock.take(file)
      let isHeld =
        try outcome == .held
        || outcome == .unsupported && FileManager.default.contentsOfDirectory(atPath: url.path).isEmpty
      guard isHeld else { throw outcome == .busy ? Failure.taken : .unknown(url) }
      if FileLock.isStillAt(url, file) { return file }
    } catch {
      close(file)
      throw error
    }
    close(file)
    return -1
  }

  deinit {
    if isOwn { try? FileManager.default.removeItem(at: url) }
    if lock >= 0 { close(lock) }
  }

  /// Brings everything in it to the disk and gives it its name, in place of an empty folder at most.
  /// - Throws: `Failure`.
  public func publish() throws {
    for path in FileManager.default.enumerator(atPath: url.path)?.compactMap({ $0 as? String }) ?? [] {
      try Self.synchronize(url.appendingPathComponent(path))
    }
    try Self.synchronize(url)
    guard rename(url.path, place.path) == 0 else {
      throw [ENOTEMPTY, EEXIST].contains(errno) ? Failure.exists : Failure.system(errno)
    }
    isOwn = false
    try Self.synchronize(place.deletingLastPathComponent())
  }

  /// Hands over the lock, to be closed by whoever uses the folder on.
  public func takeOverLock() -> Int32 {
    defer { lock = -1 }
    return lock
  }

  private static func synchronize(_ url: URL) throws {
    let file = open(url.path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { throw Failure.system(errno) }
    defer { close(file) }
    // Some file systems cannot synchronise folders and say so by EINVAL.
    guard fsync(file) == 0 || errno == EINVAL else { throw Failure.system(errno) }
  }
}

/// Locks on open files and folders that end with the process.
public enum FileLock {
  public enum Outcome { case held, busy, unsupported }

  /// Tries to get the file for this process alone; `unsupported` where a file system knows no locks, as some network's,
  /// so that nobody can be kept out.
  public static func take(_ file: Int32) -> Outcome {
    while flock(file, LOCK_EX | LOCK_NB) != 0 {
      if errno != EINTR { return errno == EWOULDBLOCK ? .busy : .unsupported }
    }
    return .held
  }

  /// Whether the open file is the one that has the name at `url`.
  public static func isStillAt(_ url: URL, _ file: Int32) -> Bool {
    var (named, opened) = (stat(), stat())
    return stat(url.path, &named) == 0 && fstat(file, &opened) == 0 && named.st_ino == opened.st_ino
      && named.st_dev == opened.st_dev
  }
}

/// Names of what is there only for a while, beside what it becomes.
public enum HiddenName {
  /// Bytes that file systems take.
  private static let longest = 255

  /// `.name.suffix`; of a long name the beginning and a checksum.
  public static func of(_ name: String, _ suffix: String) -> String {
    let whole = ".\(name).\(suffix)"
    guard whole.utf8.count > longest else { return whole }
    var fingerprint = Fingerprint()
    fingerprint.add(Data(name.utf8))
    var kept = name[...]
    let rest = "..~\(fingerprint.text)\(suffix)".utf8.count
    while kept.utf8.count > longest - rest { kept.removeLast() }
    return ".\(kept)~\(fingerprint.text).\(suffix)"
  }
}
