import CZlib
import Foundation
import Runs

/// Pictures of one size that are shown one after the other, for ever.
public struct Animation {
  private let pictures: [Canvas]
  /// Time that each is shown, in hundredths of a second; browsers slow 0 and 1 down.
  private let delay: Int

  /// - Parameter pictures: at least one, all of one size and number of channels.
  init(_ pictures: [Canvas], delay: Int) {
    precondition(
      pictures.allSatisfy {
        ($0.width, $0.height, $0.channels) == (pictures[0].width, pictures[0].height, pictures[0].channels)
      }, "pictures differ in size")
    (self.pictures, self.delay) = (pictures, delay)
  }

  /// The formats of animations: GIF, in grey, and PNG, in the pictures' colours.
  public static let formats = [AtomicFile.Format.gif, .png]

  /// The content of a file called so: PNG where its name ends in that, and else GIF.
  public func data(for place: URL) -> Data {
    guard place.pathExtension.lowercased() == AtomicFile.Format.png.rawValue else {
      return GIFEncoder.encode(pictures.map(\.grey), width: pictures[0].width, height: pictures[0].height, delay: delay)
    }
    return png
  }

  /// Animated PNG (third edition of the W3C's recommendation).
  private var png: Data {
    let (width, height, channels) = (pictures[0].width, pictures[0].height, pictures[0].channels)
    let size = Self.bytes(width, 4) + Self.bytes(height, 4)
    let shown = [UInt8](repeating: 0, count: 8) + Self.bytes(delay, 2) + Self.bytes(100, 2) + [0, 0]
    var file = Data([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
    file += Self.chunk("IHDR", size + [8, channels == 3 ? 2 : 0, 0, 0, 0])
    file += Self.chunk("acTL", Self.bytes(pictures.count, 4) + Self.bytes(0, 4))
    var sequence = 0
    for (index, picture) in pictures.enumerated() {
      file += Self.chunk("fcTL", Self.bytes(sequence, 4) + size + shown)
      var rows: [UInt8] = []
      for row in 0..<height { rows += [0] + picture.pixels[row * width * channels..<(row + 1) * width * channels] }
      file +=
        index == 0
        ? Self.chunk("IDAT", Self.deflated(rows))
        : Self.chunk("fdAT", Self.bytes(sequence + 1, 4) + Self.deflated(rows))
      sequence += index == 0 ? 1 : 2
    }
    return file + Self.chunk("IEND", [])
  }

  private static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
    let checked = Array(type.utf8) + content
    return bytes(content.count, 4) + checked + bytes(Int(crc32(0, checked, UInt32(checked.count))), 4)
  }

  private static func deflated(_ bytes: [UInt8]) -> [UInt8] {
    var count = compressBound(UInt(bytes.count))
    var compressed = [UInt8](repeating: 0, count: Int(count))
    precondition(
      compress2(&compressed, &count, bytes, UInt(bytes.count), Z_DEFAULT_COMPRESSION) == Z_OK,
      "zlib cannot compress \(bytes.count) bytes")
    return Array(compressed.prefix(Int(count)))
  }

  /// The highest first.
  private static func bytes(_ number: Int, _ count: Int) -> [UInt8] {
    (0..<count).reversed().map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
  }
}
