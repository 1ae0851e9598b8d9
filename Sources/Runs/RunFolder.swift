import Demonstrations
import Foundation

/// The output of one run, used by one process at a time:
///
///     configuration.yaml   the resolved configuration
///     run.json             a `RunRecord`
///     metrics.jsonl        one line per logging interval, and the same in events.out.tfevents.*
///     checkpoints/         step-00001500/ …, see `Checkpoints`
public final class RunFolder {
  public let url: URL
  /// Beside event files, what a run without a checkpoint consists of.
  private static let ownNames = [
    runRecordName, configurationName, MetricsLog.name, checkpointsName, failuresName, worldModelName,
  ]
  /// Open as long as this process holds the folder.
  private let lock: Int32

  private init(_ url: URL, lock: Int32) {
    self.url = url
    self.lock = lock
  }

  deinit { close(lock) }

  /// Refuses an output that `create` would refuse, and leaves nothing behind: for before the data is loaded.
  /// - Throws: `RunError.folderInUse`, `.lockedByAnotherProcess`, or `.cannotWrite`.
  public static func checkAvailable(_ url: URL) throws {
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) {
      guard isFolder.boolValue else { throw RunError.cannotWrite(url.path, reason: "it is a file") }
      guard try contents(of: url).isEmpty || hasNotBegun(url) else { throw RunError.folderInUse(url.path) }
      close(try locked(url, named: url))
    } else {
      // Also a name that no file system takes is told now.
      var status = stat()
      try AtomicFile.check(lstat(url.path, &status) == 0 || [ENOENT, ENOTDIR].contains(errno), url)
    }
    var existing = url.standardizedFileURL.deletingLastPathComponent()
    while !FileManager.default.fileExists(atPath: existing.path), existing.path != "/" {
      existing.deleteLastPathComponent()
    }
    try AtomicFile.check(access(existing.path, W_OK | X_OK) == 0, url)
  }

  /// Whether the folder holds a run that ended before its first checkpoint, and nothing else: there is nothing to go on
  /// from, so that it can be begun again.
  private static func hasNotBegun(_ url: URL) throws -> Bool {
    let held = try contents(of: url)
    // One of step 0 are another run's weights.
    let isOwn = { (name: String) in
      ownNames.contains(name) || name.hasPrefix("events.out.tfevents.")
        || name.hasPrefix(".") && name.contains(".partial")
    }
    return held.contains(runRecordName) && held.allSatisfy(isOwn)
      && ((try? Checkpoints(in: url.appendingPathComponent(checkpointsName), keep: 1).steps()) ?? [1]).allSatisfy {
        $0 == 0
      }
  }

  /// Removes what such a run has left.
  private static func clear(_ url: URL) throws {
    let lock = try locked(url, named: url)
    defer { close(lock) }
    guard try hasNotBegun(url) else { throw RunError.folderInUse(url.path) }
    // The record last: without it the rest would not be known for a run's.
    for name in try contents(of: url).sorted(by: { $1 == runRecordName && $0 != runRecordName }) {
      try FileManager.default.removeItem(at: url.appendingPathComponent(name))
    }
  }

  /// Makes the folder with the two files that say what the run is, all or nothing, also in place of a run without a
  /// checkpoint. Call it when everything else is ready for the first step, so that a run that never began leaves no
  /// folder.
  /// - Throws: `RunError.folderInUse`, `.lockedByAnotherProcess`, or `.cannotWrite`.
  public static func create<Details>(at url: URL, configuration yaml: String, record: RunRecord<Details>) throws
    -> RunFolder
  {
    try checkAvailable(url)
    var record = record
    try record.begin(with: yaml)
    do {
      let partial = try PartialFolder(for: url)
      try AtomicFile.write(record.encoded(), to: partial.url.appendingPathComponent(runRecordName))
      try AtomicFile.write(Data(yaml.utf8), to: partial.url.appendingPathComponent(configurationName))
      if FileManager.default.fileExists(atPath: url.path), try !contents(of: url).isEmpty { try clear(url) }
      try partial.publish()
      return RunFolder(url, lock: partial.takeOverLock())
    } catch let error as RunError {
      throw error
    } catch PartialFolder.Failure.taken {
      throw RunError.lockedByAnotherProcess(url.path)
    } catch PartialFolder.Failure.exists {
      throw RunError.folderInUse(url.path)
    } catch PartialFolder.Failure.unknown(let left) {
      throw RunError.cannotWrite(
        url.path,
        reason:
          "\(left.lastPathComponent) is there, and without locks nobody knows whether another process fills it; remove it if none does"
      )
    } catch PartialFolder.Failure.system(let number) {
      throw RunError.cannotWrite(url.path, reason: String(cString: strerror(number)))
    } catch {
      throw RunError.cannotWrite(url.path, reason: reason(error))
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

  /// - Throws: `RunError.cannotWrite` where the folder was removed or replaced while this process has it: nothing is to
  ///   be written to what is there now.
  package func checkIsThere() throws {
    guard FileLock.isStillAt(url, lock), access(url.appendingPathComponent(runRecordName).path, F_OK) == 0 else {
      throw RunError.cannotWrite(url.path, reason: "it was removed or replaced while the run was in it")
    }
  }

  /// A lock on `folder` that ends with this process, however it ends.
  private static func locked(_ folder: URL, named url: URL) throws -> Int32 {
    let file = Foundation.open(folder.path, O_RDONLY | O_CLOEXEC)
    try AtomicFile.check(file >= 0, url)
    switch FileLock.take(file) {
    case .held: break
    case .unsupported:
      Observer.warn("\(url.path): its file system knows no locks; see to it that no other process uses this run")
    case .busy:
      close(file)
      throw RunError.lockedByAnotherProcess(url.path)
    }
    guard FileLock.isStillAt(folder, file) else {
      close(file)
      throw RunError.lockedByAnotherProcess(url.path)
    }
    return file
  }

  /// Of one of a run's files.
  /// - Throws: `RunError.notARun` where it is missing, `.damagedRun` where it cannot be read.
  static func bytes(of name: String, in run: URL) throws -> Data {
    do { return try RegularFile.contents(of: run.appendingPathComponent(name)) } catch let failure
      as RegularFile.Failure
    {
      throw failure.isMissing
        ? RunError.notARun(run.path, reason: "it has no \(name)")
        : RunError.damagedRun(run.path, reason: "its \(name) cannot be read: \(failure)")
    }
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
package func reason(_ error: any Error) -> String {
  if let failure = error as? RegularFile.Failure { return failure.description }
  if (error as? CocoaError)?.code == .fileReadNoSuchFile { return String(cString: strerror(ENOENT)) }
  let error = error as NSError
  let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
  return cause.domain == NSPOSIXErrorDomain ? String(cString: strerror(Int32(cause.code))) : error.localizedDescription
}
