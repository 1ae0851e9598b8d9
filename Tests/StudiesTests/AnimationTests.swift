import CZlib
import Foundation
import Settings
import Testing

@testable import Studies

/// The pixels of a GIF's frames, read as the specification says.
private func decodeGIF(_ data: Data) throws -> [[UInt8]] {
  let bytes = [UInt8](data)
  try #require(bytes.starts(with: Array("GIF89a".utf8)) && bytes[10] == 0xf7)
  var position = 13 + 3 * 256
  var frames: [[UInt8]] = []
  while bytes[position] != 0x3b {
    let isImage = bytes[position] == 0x2c
    position += isImage ? 11 : 2
    var block: [UInt8] = []
    while bytes[position] != 0 {
      block += bytes[position + 1...position + Int(bytes[position])]
      position += Int(bytes[position]) + 1
    }
    position += 1
    if isImage { frames.append(try decompress(block)) }
  }
  return frames
}

private func decompress(_ block: [UInt8]) throws -> [UInt8] {
  var pixels: [UInt8] = []
  var words: [[UInt8]] = []
  var bits = 9, position = 0
  var previous: [UInt8]?
  while true {
    let code = (0..<bits).reduce(0) { $0 | Int(block[(position + $1) / 8] >> UInt8((position + $1) % 8) & 1) << $1 }
    position += bits
    if code == 257 { return pixels }
    if code == 256 {
      (words, bits, previous) = ((0..<258).map { [UInt8(truncatingIfNeeded: $0)] }, 9, nil)
      continue
    }
    try #require(code <= words.count)
    let word = code < words.count ? words[code] : previous! + [previous![0]]
    pixels += word
    if let previous, words.count < 4096 { words.append(previous + [word[0]]) }
    if words.count == 1 << bits, bits < 12 { bits += 1 }
    previous = word
  }
}

@Suite struct GIFEncoderTests {
  /// Sizes from one pixel to several times the dictionary, from constant to random.
  @Test(arguments: [(1, 1), (7, 3), (64, 64), (200, 150)]) func framesReadBackPixelForPixel(width: Int, height: Int)
    throws
  {
    var generator = Seed(1).generator
    let random = (0..<width * height).map { _ in UInt8.random(in: 0...255, using: &generator) }
    let ramp = (0..<width * height).map { UInt8(truncatingIfNeeded: $0 / 3) }
    let coarse = random.map { $0 & 0x80 }
    let frames = [random, ramp, coarse, Array(repeating: 9, count: width * height)]
    #expect(try decodeGIF(GIFEncoder.encode(frames, width: width, height: height, delay: 10)) == frames)
  }

  /// The last code falls on every place where codes grow or the dictionary is full.
  @Test func endsRightAtEveryLength() throws {
    var generator = Seed(2).generator
    let random = (0..<5000).map { _ in UInt8.random(in: 0...255, using: &generator) }
    for length in Array(250...262) + Array(760...775) + Array(3830...3850) {
      let frame = Array(random.prefix(length))
      #expect(try decodeGIF(GIFEncoder.encode([frame], width: length, height: 1, delay: 1)) == [frame], "\(length)")
    }
  }
}

@Suite struct AnimationTests {
  /// The chunks of a PNG, each with its content; their checksums are looked at.
  private func chunks(_ png: Data) throws -> [(type: String, content: [UInt8])] {
    var (rest, found) = ([UInt8](png)[8...], [(type: String, content: [UInt8])]())
    while !rest.isEmpty {
      let count = rest.prefix(4).reduce(0) { $0 << 8 | Int($1) }
      let checked = Array(rest.dropFirst(4).prefix(4 + count))
      try #require(checked.count == 4 + count)
      let sum: Int = rest.dropFirst(8 + count).prefix(4).reduce(0) { $0 << 8 | Int($1) }
      #expect(Int(crc32(0, checked, UInt32(checked.count))) == sum)
      found.append((String(decoding: checked.prefix(4), as: UTF8.self), Array(checked.dropFirst(4))))
      rest = rest.dropFirst(12 + count)
    }
    return found
  }

  @Test func keepsColoursAsPNG() throws {
    var pictures = [Canvas(width: 3, height: 2, channels: 3), Canvas(width: 3, height: 2, channels: 3, grey: 9)]
    pictures[0].draw([10, 20, 30, 40, 50, 60], width: 2, x: 1, y: 0, scale: 1)  // two pixels, channel by channel
    let png = Animation(pictures, delay: 7).data(for: URL(fileURLWithPath: "/x/y.PNG"))
    #expect(png.prefix(8) == Data([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]))
    let found = try chunks(png)
    #expect(found.map(\.type) == ["IHDR", "acTL", "fcTL", "IDAT", "fcTL", "fdAT", "IEND"])
    #expect(
      found[0].content == [0, 0, 0, 3, 0, 0, 0, 2, 8, 2, 0, 0, 0] && found[1].content == [0, 0, 0, 2, 0, 0, 0, 0])
    for (index, content) in [found[3].content, Array(found[5].content.dropFirst(4))].enumerated() {
      var (rows, count) = ([UInt8](repeating: 0, count: 100), UInt(100))
      #expect(uncompress(&rows, &count, content, UInt(content.count)) == Z_OK)
      let pixels = pictures[index].pixels
      let expected: [UInt8] = [0] + Array(pixels[..<9]) + [0] + Array(pixels[9...])
      #expect(Array(rows.prefix(Int(count))) == expected)
    }
    #expect(pictures[0].pixels[3..<9] == [10, 30, 50, 20, 40, 60])
  }

  @Test func isGreyAsGIF() throws {
    var picture = Canvas(width: 1, height: 1, channels: 3)
    picture.draw([255, 0, 0], width: 1, x: 0, y: 0, scale: 1)
    #expect(try decodeGIF(Animation([picture], delay: 1).data(for: URL(fileURLWithPath: "/x/y.gif"))) == [[76]])
  }
}

@Suite struct CanvasTests {
  @Test func enlargesFrames() {
    var canvas = Canvas(width: 5, height: 4, grey: 1)
    canvas.draw([10, 20, 30, 40], width: 2, x: 1, y: 1, scale: 2)
    #expect(canvas.pixels == [1, 1, 1, 1, 1, 1, 10, 10, 20, 20, 1, 10, 10, 20, 20, 1, 30, 30, 40, 40])
  }

  @Test func writesLetters() {
    var canvas = Canvas(width: 7, height: 5)
    canvas.write("t1 €", x: 0, y: 0, grey: 1)
    let picture = (0..<5).map { row in canvas.pixels[row * 7..<row * 7 + 7].map { $0 == 1 ? "#" : "." }.joined() }
    #expect(picture == ["###..#.", ".#..##.", ".#...#.", ".#...#.", ".#..###"])
  }

  @Test func putsFramesSideBySide() {
    let canvas = Canvas.row([("truth", [9, 9]), ("", [8, 7])], width: 2, height: 1, scale: 3)
    #expect(canvas.width == 2 + 2 * (6 + 2) && canvas.height == 9 + 3 + 2)
    let row = canvas.pixels[canvas.width * 9..<canvas.width * 10]
    #expect(Array(row) == [48, 48, 9, 9, 9, 9, 9, 9, 48, 48, 8, 8, 8, 7, 7, 7, 48, 48])
  }
}
