import CChecksum
import Foundation

/// What a Minari dataset says about itself, in `metadata.json` or (format 0.4.x) in attributes of the HDF5 file.
struct DatasetMetadata {
  /// Where the values are, for messages.
  let file: String
  let values: [String: JSONValue]

  /// - Throws: `unreadableMetadata` where the file is no JSON object.
  init(json: Data, file: String) throws {
    self.file = file
    // The decoder stops the program where text is no UTF-8.
    guard String(data: json, encoding: .utf8) != nil else {
      throw DemonstrationError.unreadableMetadata(file: file, reason: "it is no UTF-8 text")
    }
    do {
      values = try JSONDecoder.decodePython([String: JSONValue].self, from: json)
    } catch {
      throw DemonstrationError.unreadableMetadata(file: file, reason: Self.reason(error))
    }
  }

  /// - Throws: `notMinari` where the file has no such attributes.
  init(attributesOf file: HDF5Reader) throws {
    self.file = file.path
    values = try file.rootAttributes
    guard values["total_episodes"] != nil else { throw DemonstrationError.notMinari(file: file.path) }
  }

  /// - Throws: `unsupportedFormat` for Arrow and Parquet.
  func checkFormat() throws {
    guard let format = values["data_format"], format != "hdf5" else { return }
    guard case .string(let name) = format else {
      throw DemonstrationError.unreadableMetadata(file: file, reason: "'data_format' is no string")
    }
    throw DemonstrationError.unsupportedFormat(file: file, format: name)
  }

  /// What a recorder calls the checksum of all values that decide what is read, and what an agent is shown; others, such
  /// as an author, may change.
  static let checksumKey = "ditto_metadata_crc32c"
  private static let summed = [
    "total_episodes", "observation_space", "action_space", "data_format", "env_spec", StoredObservations.channelsKey,
    DatasetFiles.checksumKey, "ditto_pipeline",
  ]

  /// Of these values, however they are laid out.
  static func checksum(of values: [String: JSONValue]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    let text = try [UInt8](encoder.encode(values.filter { summed.contains($0.key) }))
    return DatasetFiles.text(checksum_crc32c(0, text, text.count))
  }

  /// - Throws: `changedFile` where it carries another checksum.
  func checkSum() throws {
    guard let written = values[Self.checksumKey] else { return }
    guard case .string(let sum) = written, try sum == Self.checksum(of: values) else {
      throw DemonstrationError.changedFile(file: file, field: Self.checksumKey)
    }
  }

  /// Of the dataset's file, where its recorder wrote that down.
  var checksum: String? {
    if case .string(let checksum) = values[DatasetFiles.checksumKey] { checksum } else { nil }
  }

  var identifier: String? {
    if case .string(let identifier) = values["dataset_id"] { identifier } else { nil }
  }

  var episodeCount: Int {
    get throws {
      guard let value = values["total_episodes"] else {
        throw DemonstrationError.missingField(file: file, field: "total_episodes")
      }
      guard case .integer(let count) = value, count >= 0 else {
        throw DemonstrationError.unreadableMetadata(file: file, reason: "'total_episodes' is no whole number")
      }
      return count
    }
  }

  var observationSpace: SpaceDescription { get throws { try space("observation_space") } }
  var actionSpace: SpaceDescription { get throws { try space("action_space") } }

  /// A space is JSON inside a JSON string.
  private func space(_ field: String) throws -> SpaceDescription {
    guard let value = values[field] else { throw DemonstrationError.missingField(file: file, field: field) }
    guard case .string(let text) = value else {
      throw DemonstrationError.unreadableMetadata(file: file, reason: "'\(field)' is no string with the space's JSON")
    }
    do {
      return try JSONDecoder.decodePython(SpaceDescription.self, from: Data(text.utf8))
    } catch {
      throw DemonstrationError.unreadableMetadata(file: file, reason: "'\(field)': \(Self.reason(error))")
    }
  }

  /// The first line of what a decoder has to say.
  private static func reason(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .dataCorrupted(let context): context.debugDescription
    case .keyNotFound(let key, _): "it has no '\(key.stringValue)'"
    case .typeMismatch(_, let context), .valueNotFound(_, let context): context.debugDescription
    default: "\(error)"
    }
  }
}
