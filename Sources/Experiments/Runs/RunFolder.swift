import Foundation

/// The output of one run, used by one process at a time:
///
///     configuration.yaml   the resolved configuration
///     run.json             a `RunRecord`
///     metrics.jsonl        one line per logging interval, and the same in events.out.tfevents.*
///     checkpoints/         step-00001500/ …, see `Checkpoints`
public final class RunFolder {
  public let url: URL
  /// Open as long as this process holds the folder.
  private let lock: Int32

  private init(_ url: URL, lock: Int32) {
    self.url = url
    self.lock = lock
  }

  deinit { close(lock) }

  /// Refuses an output that `create` would refuse, and leaves nothing behind: for before the data is loaded.
  /// - Throws: `RunError.folderInUse`, or `.cannotWrite`.
  public static func checkAvailable(_ url: URL) throws {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw RunError.cannotWrite(url.path, reason: "it is a file") }
      guard try contents(of: url).isEmpty else { throw RunError.folderInUse(url.path) }
    }
    var existing = url.standardizedFileURL.deletingLastPathComponent()
    while !FileManager.default.fileExists(atPath: existing.path), existing.path != "/" { existing.deleteLastPathComponent() }
    try AtomicFile.check(access(existing.path, W_OK | X_OK) == 0, url)
  }

  /// Makes the folder with the two files that say what the run is, all or nothing. Call it when everything else is ready for the
  /// first step, so that a run that never began leaves no folder.
  /// - Throws: `RunError.folderInUse`, or `.cannotWrite`.
  public static func create<Details>(at url: URL, configuration yaml: String, record: RunRecord<Details>) throws -> RunFolder {
    try checkAvailable(url)
    var record = record
    record.configuration = RunRecord<Details>.checksum(yaml)
    let parent = url.deletingLastPathComponent()
    let partial = parent.appendingPathComponent(".\(url.lastPathComponent).partial-\(getpid())")
    do {
      try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: true)
    } catch {
      throw RunError.cannotWrite(url.path, reason: reason(error))
    }
    do {
      let folder = RunFolder(url, lock: try locked(partial, named: url))
      try AtomicFile.write(record.encoded(), to: partial.appendingPathComponent(runRecordName))
      try AtomicFile.write(Data(yaml.utf8), to: partial.appendingPathComponent(configurationName))
      // Replaces an empty folder, and fails if another process has filled it meanwhile.
      guard rename(partial.path, url.path) == 0 else {
        if errno == ENOTEMPTY || errno == EEXIST { throw RunError.folderInUse(url.path) }
        throw RunError.cannotWrite(url.path, reason: String(cString: strerror(errno)))
      }
      try AtomicFile.synchronize(parent)
      return folder
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw error
    }
  }

  /// Opens the folder of an earlier run to go on with it.
  /// - Throws: `RunError.notARun` or `.lockedByAnotherProcess`.
  public static func open(at url: URL) throws -> RunFolder {
    guard FileManager.default.fileExists(atPath: url.appendingPathComponent(runRecordName).path) else {
      throw RunError.notARun(url.path, reason: "it has no \(runRecordName)")
    }
    return RunFolder(url, lock: try locked(url, named: url))
  }

  /// A lock on `folder` that ends with this process, however it ends.
  private static func locked(_ folder: URL, named url: URL) throws -> Int32 {
    let file = Foundation.open(folder.path, O_RDONLY | O_CLOEXEC)
    try AtomicFile.check(file >= 0, url)
    guard flock(file, LOCK_EX | LOCK_NB) == 0 else {
      let error = errno
      close(file)
      if error == EWOULDBLOCK { throw RunError.lockedByAnotherProcess(url.path) }
      throw RunError.cannotWrite(url.path, reason: String(cString: strerror(error)))
    }
    return file
  }

  private static func contents(of url: URL) throws -> [String] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: url.path)
    } catch {
      throw RunError.cannotWrite(url.path, reason: reason(error))
    }
  }
}

/// What the system said, without Foundation's sentences around it.
func reason(_ error: any Error) -> String {
  if (error as? CocoaError)?.code == .fileReadNoSuchFile { return String(cString: strerror(ENOENT)) }
  let error = error as NSError
  let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
  return cause.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(cause.code))) : error.localizedDescription
}
