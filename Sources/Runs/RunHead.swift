import Foundation

/// What `run.json` says in every run, whatever its kind.
struct RunHead: Decodable {
  let kind: String
  let format: Int
  let version: String?
  let identity: String?

  /// Reads the record of the run at `folder`; `record` are all of its bytes.
  /// - Throws: `RunError.notARun`, `.damagedRun`, or `.unsupportedFormat`.
  static func read(_ folder: URL) throws -> (head: RunHead, record: Data) {
    let damaged = { (what: String) in RunError.damagedRun(folder.path, reason: "its \(runRecordName) \(what)") }
    let data = try RunFolder.bytes(of: runRecordName, in: folder)
    guard let head = try? JSONDecoder().decode(RunHead.self, from: data) else {
      throw damaged("names no kind and format")
    }
    guard head.format <= runFormat else {
      throw RunError.unsupportedFormat(folder.path, found: head.format, supported: runFormat, version: head.version)
    }
    guard (try? JSONChecksum.agrees(with: data)) == true else {
      throw damaged("has changed since it was written")
    }
    return (head, data)
  }
}

/// What belongs to a run says so: its log, its checkpoints, and what is chosen among them.
package enum RunIdentity {
  /// Of the run at `folder`; nil where there is no record, or an earlier version began it.
  /// - Throws: `RunError.damagedRun`, or `.unsupportedFormat`.
  package static func of(_ folder: URL) throws -> String? {
    guard FileManager.default.fileExists(atPath: folder.appendingPathComponent(runRecordName).path) else { return nil }
    return try RunHead.read(folder).head.identity
  }
}
