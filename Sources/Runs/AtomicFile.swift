import Demonstrations
import Foundation

/// Files that are either there completely or not at all, whatever happens while they are written.
public enum AtomicFile {
  /// Replaces the file at `url` by `data`, on disk when this returns. A link stays, and the file that it names is
  /// replaced; what is no file, such as a pipe, is written to.
  /// - Throws: `RunError.cannotWrite`; what was at `url` is then unchanged.
  public static func write(_ data: Data, to url: URL) throws { try write(CollectionOfOne(data), to: url) }

  /// The same of `pieces`, one after the other, each of which is made when those before it are written.
  package static func write(_ pieces: some Sequence<Data>, to url: URL) throws {
    try write(to: url) { append in try pieces.forEach(append) }
  }

  /// The same of what `body` appends, for what is made while it is written.
  /// - Throws: also what `body` throws.
  package static func write(to url: URL, _ body: (_ append: (Data) throws -> Void) throws -> Void) throws {
    if isSpecial(url) {
      let file = open(url.path, O_WRONLY | O_CLOEXEC)
      try check(file >= 0, url)
      defer { close(file) }
      return try body { try writeAll($0, to: file, of: url) }
    }
    let url = target(of: url)
    let folder = url.deletingLastPathComponent()
    let (file, partial) = try begin(url, in: folder)
    defer { close(file) }
    do {
      var size: Int64 = 0
      try body {
        try writeAll($0, to: file, of: url)
        size += Int64($0.count)
      }
      try check(fsync(file) == 0, url)
      var status = stat()
      try check(fstat(file, &status) == 0, url)
      guard status.st_size == size else {
        throw RunError.cannotWrite(url.path, reason: "\(status.st_size) of \(size) bytes are in the file")
      }
      try check(rename(partial.path, url.path) == 0, url)
    } catch {
      unlink(partial.path)
      throw error
    }
    try synchronize(folder)
  }

  /// A new file beside `url` that nobody else writes, locked as long as it is open. What killed processes left there of
  /// the same file is removed, and what others left if it is old.
  private static func begin(_ url: URL, in folder: URL) throws -> (file: Int32, partial: URL) {
    let name = { (number: UInt32) in HiddenName.of(url.lastPathComponent, "partial-" + String(format: "%08x", number)) }
    let prefix = name(0).dropLast(8)
    for left in (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? [] where left.hasPrefix(prefix) {
      removeIfAbandoned(folder.appendingPathComponent(left))
    }
    Leftovers.clear(folder)
    while true {
      let partial = folder.appendingPathComponent(name(.random(in: 0...UInt32.max)))
      let file = open(partial.path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
      if file < 0, errno == EEXIST { continue }
      try check(file >= 0, url)
      // Another process that tidies up may have taken it for abandoned before it was locked.
      if FileLock.take(file) != .busy, FileLock.isStillAt(partial, file) { return (file, partial) }
      close(file)
    }
  }

  private static func removeIfAbandoned(_ partial: URL) {
    let file = open(partial.path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return }
    defer { close(file) }
    if FileLock.take(file) == .held { unlink(partial.path) }
  }

  /// Of new files: whoever runs this decides by the umask.
  static let mode: mode_t = 0o666

  /// What files are written as.
  public enum Format: String, Sendable { case gif, png, svg, csv }

  /// For before the work that makes a file.
  /// - Throws: `RunError.wrongFormat` where its name promises another; `.cannotWrite` where `write` to `url` could not
  ///   succeed: its folder is not there or not to be written in, or it is a folder itself.
  public static func checkPlace(of url: URL, as formats: [Format]) throws {
    if isSpecial(url) { return try check(access(url.path, W_OK) == 0, url) }
    try check(access(target(of: url).deletingLastPathComponent().path, W_OK | X_OK) == 0, url)
    var isFolder: ObjCBool = false
    if FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), isFolder.boolValue {
      throw RunError.cannotWrite(url.path, reason: "it is a folder")
    }
    guard ([""] + formats.map(\.rawValue)).contains(url.pathExtension.lowercased()) else {
      throw RunError.wrongFormat(url.path, written: formats.map(\.rawValue))
    }
  }

  /// Whether something is there that is neither a file nor a folder.
  private static func isSpecial(_ url: URL) -> Bool {
    var status = stat()
    return stat(url.path, &status) == 0 && ![S_IFREG, S_IFDIR].contains(status.st_mode & S_IFMT)
  }

  /// The file that a link at `url` names, whether it is there or not; `url` where there is no link.
  private static func target(of url: URL) -> URL {
    var url = url
    // As many as the system follows.
    for _ in 0..<40 {
      guard let named = try? FileManager.default.destinationOfSymbolicLink(atPath: url.path) else { break }
      url = URL(fileURLWithPath: named, relativeTo: url.deletingLastPathComponent())
    }
    return url
  }

  /// Brings the contents of a file, or the entries of a folder, to the disk.
  static func synchronize(_ url: URL) throws {
    let file = open(url.path, O_RDONLY | O_CLOEXEC)
    try check(file >= 0, url)
    defer { close(file) }
    // Some file systems cannot synchronise folders and say so by EINVAL.
    try check(fsync(file) == 0 || errno == EINVAL, url)
  }

  /// Appends all of `data` at the file's position; `url` is for the error.
  /// - Throws: `RunError.cannotWrite`.
  public static func writeAll(_ data: Data, to file: Int32, of url: URL) throws {
    try data.withUnsafeBytes { bytes in
      var done = 0
      while done < bytes.count {
        let count = Foundation.write(file, bytes.baseAddress! + done, bytes.count - done)
        if count < 0 && errno == EINTR { continue }
        try check(count > 0, url)
        done += count
      }
    }
  }

  /// Throws what the last system call reported unless `succeeded`.
  static func check(_ succeeded: Bool, _ url: URL) throws {
    guard !succeeded else { return }
    throw RunError.cannotWrite(url.path, reason: String(cString: strerror(errno)))
  }
}
