import Foundation

/// Writes moving grey pictures as GIF89a, which every browser and TensorBoard show.
public enum GIFEncoder {
  /// - Parameters:
  ///   - frames: at least one, each `height · width` grey levels, row by row.
  ///   - width: in pixels, at most 65,535; `height` likewise.
  ///   - delay: time each frame is shown, in hundredths of a second; browsers slow 0 and 1 down.
  /// - Returns: a file that repeats for ever.
  public static func encode(_ frames: [[UInt8]], width: Int, height: Int, delay: Int) -> Data {
    precondition(frames.allSatisfy { $0.count == width * height }, "each frame must have \(width) × \(height) pixels")
    var gif = Data("GIF89a".utf8)
    gif += littleEndian(width) + littleEndian(height)
    gif += [0b1111_0111, 0, 0]  // a global palette of 256 colours of 8 bits
    for grey in 0...255 { gif += [UInt8(grey), UInt8(grey), UInt8(grey)] }
    gif += [0x21, 0xff, 11] + Array("NETSCAPE2.0".utf8) + [3, 1, 0, 0, 0]
    for frame in frames {
      gif += [0x21, 0xf9, 4, 0] + littleEndian(delay) + [0, 0]
      gif += [0x2c, 0, 0, 0, 0] + littleEndian(width) + littleEndian(height) + [0]
      gif += [8]  // bits of a pixel
      let codes = compressed(frame)
      for start in stride(from: 0, to: codes.count, by: 255) {
        let block = codes[start..<min(start + 255, codes.count)]
        gif += [UInt8(block.count)] + block
      }
      gif += [0]
    }
    return gif + [0x3b]
  }

  /// Lempel–Ziv–Welch codes of 9 to 12 bits, packed from the lowest bit on.
  private static func compressed(_ pixels: [UInt8]) -> [UInt8] {
    let clear = 256, end = 257
    var codes = BitWriter()
    var known: [Int: Int] = [:]
    var next = end + 1
    var bits = 9
    codes.append(clear, bits: bits)
    guard var prefix = pixels.first.map(Int.init) else { return codes.finished(with: end, bits: bits) }
    for pixel in pixels.dropFirst() {
      let word = prefix << 8 | Int(pixel)
      if let code = known[word] {
        prefix = code
        continue
      }
      codes.append(prefix, bits: bits)
      prefix = Int(pixel)
      if next < 4096 {
        known[word] = next
        if next == 1 << bits { bits += 1 }
        next += 1
      } else {
        codes.append(clear, bits: bits)
        known.removeAll(keepingCapacity: true)
        next = end + 1
        bits = 9
      }
    }
    codes.append(prefix, bits: bits)
    // A reader adds a word after each code, so the last code may be one bit longer.
    if next == 1 << bits, bits < 12 { bits += 1 }
    return codes.finished(with: end, bits: bits)
  }

  private static func littleEndian(_ number: Int) -> [UInt8] { [UInt8(number & 0xff), UInt8(number >> 8)] }
}

/// Bits packed into bytes, the lowest first.
private struct BitWriter {
  private var bytes: [UInt8] = []
  private var pending = 0
  private var count = 0

  mutating func append(_ code: Int, bits: Int) {
    pending |= code << count
    count += bits
    while count >= 8 {
      bytes.append(UInt8(pending & 0xff))
      pending >>= 8
      count -= 8
    }
  }

  mutating func finished(with code: Int, bits: Int) -> [UInt8] {
    append(code, bits: bits)
    return count > 0 ? bytes + [UInt8(pending)] : bytes
  }
}
