import CChecksum
import Foundation
import Spaces

/// The files that a dataset is made of.
struct DatasetFiles {
  /// The bytes of `metadata.json`, where there is one.
  let metadata: Data?
  /// `main_data.hdf5`, then those that it links to.
  let data: [HDF5File]

  /// What `metadata.json` calls the checksum of `main_data.hdf5`, CRC32C in 8 hexadecimal digits, where the recorder
  /// wrote it down.
  static let checksumKey = "ditto_crc32c"

  /// - Parameters:
  ///   - checksum: of the first file.
  ///   - goOn: is asked on the way, and may throw.
  /// - Throws: `changedFile` where that is another.
  func fingerprint(expecting checksum: String? = nil, goOn: () throws -> Void = {}) throws -> String {
    var fingerprint = Fingerprint()
    if let metadata { fingerprint.add(metadata) }
    for (index, file) in data.enumerated() {
      let found = Self.text(
        try file.checksum { sum in
          try goOn()
          fingerprint.add(UInt64(sum))
        })
      if index == 0, let checksum, checksum != found {
        throw DemonstrationError.changedFile(file: file.path, field: Self.checksumKey)
      }
    }
    return "w" + fingerprint.text
  }

  /// Looks at the bytes only where the system says that somebody has written to a file.
  /// - Throws: `changedInUse` where one holds what it did not when it was opened.
  func checkUnchanged(from fingerprint: String) throws {
    let found = data.map { (file: $0, state: $0.state) }
    guard let touched = found.first(where: { !$0.file.isKnown(in: $0.state) }) else { return }
    guard try self.fingerprint() == fingerprint else {
      throw DemonstrationError.changedInUse(file: touched.file.path)
    }
    for (file, state) in found { file.know(in: state) }
  }

  static func text(_ checksum: UInt32) -> String { String(format: "%08x", checksum) }

  /// What earlier versions took for the fingerprint: of the first file its size and 1 MiB at equal distances, and what
  /// was read of it, numbers that were done as they are scaled.
  func sampledFingerprint(of episodes: [EpisodeInfo], _ actions: ActionSpace) throws -> String {
    var fingerprint = Fingerprint()
    if let metadata { fingerprint.add(metadata) }
    for episode in episodes { fingerprint.add(episode, scaledIn: actions) }
    let (samples, sampleBytes) = (UInt64(256), 4096)
    do {
      let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: data[0].path))
      defer { try? handle.close() }
      let size = try handle.seekToEnd()
      fingerprint.add(size)
      for sample in 0..<samples {
        try handle.seek(toOffset: size / samples * sample)
        fingerprint.add(try handle.read(upToCount: sampleBytes) ?? Data())
      }
    } catch {
      throw DemonstrationError.damagedFile(file: data[0].path)
    }
    return fingerprint.text
  }
}

extension HDF5File {
  /// The checksum of all bytes, and of all up to the end of each MiB for `body`.
  func checksum(upTo body: (UInt32) throws -> Void = { _ in }) throws -> UInt32 {
    var sum: UInt32 = 0
    try forEachPiece { piece in
      sum = checksum_crc32c(sum, piece.baseAddress!, piece.count)
      try body(sum)
    }
    return sum
  }
}
