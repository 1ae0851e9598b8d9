import Demonstrations
import Foundation

/// A folder of files that belong together, with a `manifest.json` that tells whether they are still what was written.
public struct Checkpoint: Equatable {
  public let url: URL
  public let step: Int
  /// Checksum of the run's log up to it; nil where it knew none.
  let log: String?

  struct Manifest: Codable, Checksummed {
    struct File: Codable, Equatable {
      let bytes: Int
      let crc32c: UInt32
      /// Of all but the last four bytes; absent where a version before 0.2 wrote the manifest.
      let bodyCRC32C: UInt32?

      /// Of every file that ends with its own checksum, whatever is before it.
      private static let residue: UInt32 = 0x4867_4bc7

      init(bytes: Int, crc32c: UInt32, bodyCRC32C: UInt32?) {
        (self.bytes, self.crc32c, self.bodyCRC32C) = (bytes, crc32c, bodyCRC32C)
      }

      /// Reads the file at `url` piece by piece: what is mapped counts as held too.
      init(describing url: URL) throws {
        let file = try RegularFile.handle(url)
        defer { try? file.close() }
        let bytes = Int(try file.seekToEnd())
        try file.seek(toOffset: 0)
        var (read, crc32c, body) = (0, CRC32C.checksum([]), CRC32C.checksum([]))
        while let piece = try file.read(upToCount: 1 << 20), !piece.isEmpty {
          body = CRC32C.checksum(piece.prefix(max(0, bytes - 4 - read)), after: body)
          (read, crc32c) = (read + piece.count, CRC32C.checksum(piece, after: crc32c))
        }
        self.init(bytes: read, crc32c: crc32c, bodyCRC32C: body)
      }

      /// Identifies the content.
      var content: UInt32 { crc32c == Self.residue ? bodyCRC32C ?? crc32c : crc32c }

      func isAs(_ written: File) -> Bool {
        crc32c == written.crc32c && (written.bodyCRC32C ?? bodyCRC32C) == bodyCRC32C
      }
    }
    static let name = "manifest.json"

    let step: Int
    /// Identity of the run that it is of; absent where that has none.
    let run: String?
    /// Checksum of the run's log up to it; absent where a version that knew none wrote it.
    let log: String?
    /// By path within the folder.
    let files: [String: File]
    var checksum: String?

    /// - Throws: `RunError.damagedCheckpoint`.
    static func read(at folder: URL) throws -> Manifest {
      let damaged = { (reason: String) in RunError.damagedCheckpoint(folder.path, reason: reason) }
      let data: Data
      do { data = try RegularFile.contents(of: folder.appendingPathComponent(name)) } catch {
        throw damaged("no readable \(name): \(reason(error))")
      }
      guard let manifest = try? JSONDecoder().decode(Manifest.self, from: data) else {
        throw damaged("\(name) is not understood")
      }
      guard (try? JSONChecksum.agrees(with: data)) == true else {
        throw damaged("\(name) has changed since it was written")
      }
      return manifest
    }
  }

  /// Writes a checkpoint at `url` in one go, in place of one that may be there.
  /// - Parameters:
  ///   - run: identity of the run that it is of.
  ///   - log: checksum of the run's log up to it.
  ///   - write: fills the folder it is given.
  /// - Throws: `RunError.cannotWrite`, or what `write` throws; nothing new is then left.
  @discardableResult
  public static func write(
    to url: URL, step: Int, of run: String?, log: String? = nil, _ write: (URL) throws -> Void
  ) throws -> Checkpoint {
    let parent = url.deletingLastPathComponent()
    let partial = parent.appendingPathComponent(".\(url.lastPathComponent).partial")
    try? FileManager.default.removeItem(at: partial)
    do {
      // Never more than one folder above: a run that was removed meanwhile must not come back.
      if !FileManager.default.fileExists(atPath: parent.path) {
        try attempt(url) { try FileManager.default.createDirectory(at: parent, withIntermediateDirectories: false) }
      }
      try attempt(url) { try FileManager.default.createDirectory(at: partial, withIntermediateDirectories: false) }
      try write(partial)
      let files = try describe(partial)
      for path in files.keys { try AtomicFile.synchronize(partial.appendingPathComponent(path)) }
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      let manifest = try Manifest(step: step, run: run, log: log, files: files).encoded(by: encoder)
      try AtomicFile.write(manifest, to: partial.appendingPathComponent(Manifest.name))
      if FileManager.default.fileExists(atPath: url.path) {
        try attempt(url) { try FileManager.default.removeItem(at: url) }
      }
      try AtomicFile.check(rename(partial.path, url.path) == 0, url)
      try AtomicFile.synchronize(parent)
    } catch {
      try? FileManager.default.removeItem(at: partial)
      throw error
    }
    return Checkpoint(url: url, step: step, log: log)
  }

  private init(url: URL, step: Int, log: String?) { (self.url, self.step, self.log) = (url, step, log) }

  /// Opens the checkpoint at `url` after comparing every file with the manifest.
  /// - Parameter run: identity of the run whose folder it is in.
  /// - Throws: `RunError.damagedCheckpoint`, or `.ofAnotherRun`.
  package init(at url: URL, of run: String?) throws {
    let manifest = try Manifest.read(at: url)
    guard manifest.run == run else { throw RunError.ofAnotherRun(url.path) }
    for (path, written) in manifest.files.sorted(by: { $0.key < $1.key }) {
      let found: Manifest.File
      do { found = try Manifest.File(describing: url.appendingPathComponent(path)) } catch {
        let isMissing = (error as? RegularFile.Failure)?.isMissing == true
        throw RunError.damagedCheckpoint(
          url.path, reason: isMissing ? "\(path) is missing" : "\(path) cannot be read: \(reason(error))")
      }
      guard found.bytes == written.bytes else {
        throw RunError.damagedCheckpoint(url.path, reason: "\(path) has \(found.bytes) of \(written.bytes) bytes")
      }
      guard found.isAs(written) else {
        throw RunError.damagedCheckpoint(url.path, reason: "\(path) has changed since it was written")
      }
    }
    let name = url.lastPathComponent
    guard !name.hasPrefix("step-") || Int(name.dropFirst(5)) == manifest.step else {
      throw RunError.damagedCheckpoint(url.path, reason: "\(Manifest.name) is of step \(manifest.step)")
    }
    self.init(url: url, step: manifest.step, log: manifest.log)
  }

  /// Identifies the files' content.
  package func fingerprint() throws -> String {
    try Manifest.read(at: url).files.keys.sorted().map {
      String(format: "%08x", try Manifest.File(describing: url.appendingPathComponent($0)).content)
    }.joined()
  }

  private static func describe(_ folder: URL) throws -> [String: Manifest.File] {
    var files: [String: Manifest.File] = [:]
    for path in FileManager.default.enumerator(atPath: folder.path)?.compactMap({ $0 as? String }) ?? [] {
      let url = folder.appendingPathComponent(path)
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder), !isFolder.boolValue else {
        continue
      }
      try attempt(url) { files[path] = try Manifest.File(describing: url) }
    }
    return files
  }

  private static func attempt(_ url: URL, _ body: () throws -> Void) throws {
    do { try body() } catch { throw RunError.cannotWrite(url.path, reason: reason(error)) }
  }
}
