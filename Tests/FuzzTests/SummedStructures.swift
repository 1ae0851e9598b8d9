import CChecksum

/// Where an HDF5 file has structures with checksums, so that what is changed inside them can be given the right one:
/// otherwise nothing behind a checksum would ever be reached.
struct SummedStructures {
  private let places: [Range<Int>]

  private static let signatures = [
    "OHDR", "OCHK", "FRHP", "FHIB", "BTHD", "BTLF", "BTIN", "EAHD", "EAIB", "EASB", "EADB", "FAHD", "FADB",
  ].map { Array($0.utf8) }
  private static let longest = 700

  init(of bytes: [UInt8]) {
    var places = [Range<Int>]()
    for start in bytes.indices.dropLast(8)
    where Self.signatures.contains(Array(bytes[start..<start + 4])) || (start == 0 && bytes[8] >= 2) {
      let end = (start + 8..<min(start + Self.longest, bytes.count - 4)).first {
        Self.sum(bytes, start..<$0) == Self.stored(bytes, $0)
      }
      if let end { places.append(start..<end) }
    }
    self.places = places
  }

  var count: Int { places.count }

  /// With the checksums of what is there now.
  func resummed(_ bytes: [UInt8]) -> [UInt8] {
    var bytes = bytes
    for place in places where place.upperBound + 4 <= bytes.count {
      let sum = Self.sum(bytes, place)
      for index in 0..<4 { bytes[place.upperBound + index] = UInt8(truncatingIfNeeded: sum >> UInt32(8 * index)) }
    }
    return bytes
  }

  private static func sum(_ bytes: [UInt8], _ place: Range<Int>) -> UInt32 {
    bytes.withUnsafeBytes { checksum_lookup3($0.baseAddress! + place.lowerBound, place.count) }
  }

  private static func stored(_ bytes: [UInt8], _ place: Int) -> UInt32 {
    (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[place + $1]) << UInt32(8 * $1) }
  }
}
