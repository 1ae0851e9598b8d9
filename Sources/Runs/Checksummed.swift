import Foundation

/// What says, in its JSON, the checksum of all else that it says there.
package protocol Checksummed: Encodable {
  /// Nil before it is written, and where a version that knew none wrote it.
  var checksum: String? { get set }
}

extension Checksummed {
  package func encoded(by encoder: JSONEncoder) throws -> Data {
    var value = self
    value.checksum = nil
    value.checksum = try JSONChecksum.of(encoder.encode(value))
    return try encoder.encode(value)
  }
}

package enum JSONChecksum {
  /// Of what an object says beside its `checksum`, however it is laid out.
  static func of(_ data: Data) throws -> String {
    var values = try JSONSerialization.jsonObject(with: data) as? [String: Any] ?? [:]
    values["checksum"] = nil
    let text = try JSONSerialization.data(withJSONObject: values, options: [.sortedKeys, .withoutEscapingSlashes])
    return String(format: "%08x", CRC32C.checksum(text))
  }

  /// Whether an object is as it was written; one without a checksum is taken for it.
  package static func agrees(with data: Data) throws -> Bool {
    struct Written: Decodable { let checksum: String? }
    let written = try JSONDecoder().decode(Written.self, from: data).checksum
    return try written == nil || written == of(data)
  }
}
