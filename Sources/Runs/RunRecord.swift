import Foundation
import Settings

/// What a run was started with: `run.json`.
///
/// `Details` differ from kind to kind: names and fingerprints of the data, for example.
public struct RunRecord<Details: Codable & Sendable>: Codable, Checksummed, Sendable {
  public var kind: RunKind
  /// Version of the folder's layout.
  public private(set) var format = runFormat
  public var seed: UInt64
  /// Version or commit of the code.
  public var version: String
  /// To the second.
  public var started: Date
  public var details: Details
  /// Of everything else that the file says; absent where a version before 0.2 wrote it.
  package var checksum: String?
  /// Checksum of the run's configuration file; absent where an earlier version began it.
  var configuration: String?
  /// What its log and its checkpoints belong to it by; absent where an earlier version began it.
  package private(set) var identity: String?
  /// Gradient steps that it makes in all, where it was extended beyond what its configuration says.
  package var steps: Int?
  /// The run whose weights it began with, and the checkpoint; absent where it began with its own.
  package var from: String?

  public init(kind: RunKind, seed: UInt64, version: String, started: Date, details: Details) {
    self.kind = kind
    self.seed = seed
    self.version = version
    self.started = started
    self.details = details
  }

  /// Reads the record of the run at `folder`, whether or not it is being used.
  /// - Throws: `RunError.notARun`, `.damagedRun`, `.wrongKind` or `.unsupportedFormat`.
  public init(from folder: URL, kind: RunKind) throws {
    let (head, data) = try RunHead.read(folder)
    guard head.kind == kind.rawValue else {
      throw RunError.wrongKind(folder.path, expected: kind.rawValue, found: head.kind)
    }
    let decoder = JSONDecoder()
    decoder.dateDecodingStrategy = .iso8601
    guard let record = try? decoder.decode(Self.self, from: data) else {
      throw RunError.damagedRun(folder.path, reason: "its \(runRecordName) is incomplete")
    }
    if let problem = (record.details as? any CheckedDetails)?.problem {
      throw RunError.damagedRun(folder.path, reason: "its \(runRecordName) \(problem)")
    }
    self = record
  }

  /// The configuration that the run at `folder` keeps.
  /// - Throws: `RunError.notARun` where it is missing, `.damagedRun` where it is not the one that the run began with.
  package func configuration(in folder: URL) throws -> Preset {
    let file = folder.appendingPathComponent(configurationName)
    guard let yaml = String(data: try RunFolder.bytes(of: configurationName, in: folder), encoding: .utf8),
      configuration == nil || configuration == Self.checksum(yaml)
    else {
      throw RunError.damagedRun(folder.path, reason: "its \(configurationName) is not the one that it began with")
    }
    return Preset(name: file.path, yaml: yaml)
  }

  /// The configuration of the run at `folder`, and what has been changed of it since.
  /// - Throws: as `configuration(in:)`.
  package func layers(in folder: URL) throws -> [Preset] {
    try [configuration(in: folder)]
      + (steps.map { [Preset(name: runRecordName, yaml: "\(kind.section.rawValue): {training: {steps: \($0)}}")] } ?? [])
  }

  static func checksum(_ configuration: String) -> String {
    String(format: "%08x", CRC32C.checksum(configuration.utf8))
  }

  package func encoded() throws -> Data {
    var record = self
    record.format = runFormat
    return try record.encoded(by: Self.encoder)
  }

  private static var encoder: JSONEncoder {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return encoder
  }

  /// Names the run by what it begins with.
  mutating func begin(with configuration: String) throws {
    self.configuration = Self.checksum(configuration)
    identity = try JSONChecksum.of(Self.encoder.encode(self))
  }
}

/// Details whose numbers are looked at before anything is made of them.
package protocol CheckedDetails {
  /// What cannot be, in words that follow the file's name; nil where all can.
  var problem: String? { get }
}

public enum RunKind: String, Codable, Sendable {
  case worldModel = "world-model"
  case agent
}

extension RunKind {
  /// That its own settings are in.
  package var section: ConfigurationSection { self == .worldModel ? .worldModel : .agent }
}

package let runRecordName = "run.json"
let configurationName = "configuration.yaml"
package let checkpointsName = "checkpoints"
package let failuresName = "failures"
package let worldModelName = "world-model.safetensors"
let runFormat = 3
