/// A picture, grey or in colour, to put frames and captions on.
public struct Canvas {
  public let width: Int
  public let height: Int
  /// 1, or 3: red, green and blue.
  public let channels: Int
  /// Row by row, the channels of a pixel side by side; 0 is black.
  public private(set) var pixels: [UInt8]

  /// Height of a line of text, in pixels.
  public static let textHeight = 5

  public init(width: Int, height: Int, channels: Int = 1, grey: UInt8 = 0) {
    (self.width, self.height, self.channels) = (width, height, channels)
    pixels = Array(repeating: grey, count: width * height * channels)
  }

  /// Its luma (ITU-R BT.601), row by row.
  var grey: [UInt8] {
    guard channels == 3 else { return pixels }
    let weights: [Float] = [0.299, 0.587, 0.114]
    return (0..<width * height).map { pixel in
      UInt8((0..<3).reduce(Float(0)) { $0 + weights[$1] * Float(pixels[3 * pixel + $1]) }.rounded())
    }
  }

  /// Frames of one size side by side, each under its caption: the context, the dream and the truth of a world model,
  /// say.
  /// - Parameters:
  ///   - frames: each `[channels, height, width]`.
  ///   - scale: pixels of the canvas per pixel of a frame; a caption longer than its frame is cut.
  public static func row(
    _ frames: [(caption: String, pixels: [UInt8])], width: Int, height: Int, channels: Int = 1, scale: Int
  ) -> Canvas {
    let gap = 2, top = textHeight + 2 * gap
    let column = width * scale + gap
    var canvas = Canvas(
      width: gap + frames.count * column, height: top + height * scale + gap, channels: channels, grey: 48)
    for (index, frame) in frames.enumerated() {
      let x = gap + index * column
      canvas.write(String(frame.caption.prefix((width * scale + 1) / 4)), x: x, y: gap)
      canvas.draw(frame.pixels, width: width, x: x, y: top, scale: scale)
    }
    return canvas
  }

  /// Puts a frame, channel by channel, with its upper left corner at (`x`, `y`), each pixel as a square of `scale`
  /// pixels; what lies outside is cut.
  public mutating func draw(_ frame: [UInt8], width frameWidth: Int, x: Int, y: Int, scale: Int) {
    let count = frame.count / channels
    for (index, value) in frame.enumerated() {
      let (channel, pixel) = index.quotientAndRemainder(dividingBy: count)
      let left = x + pixel % frameWidth * scale, top = y + pixel / frameWidth * scale
      for row in top..<top + scale { for column in left..<left + scale { set(column, row, channel, value) } }
    }
  }

  /// Writes a line of text in capitals 3 pixels wide and 5 high, 4 pixels apart. What the font lacks is left blank.
  public mutating func write(_ text: String, x: Int, y: Int, grey: UInt8 = 255) {
    for (index, character) in text.uppercased().enumerated() {
      guard let rows = font[character] else { continue }
      for row in 0..<5 {
        for column in 0..<3 where rows >> (14 - 3 * row - column) & 1 == 1 {
          for channel in 0..<channels { set(x + 4 * index + column, y + row, channel, grey) }
        }
      }
    }
  }

  private mutating func set(_ x: Int, _ y: Int, _ channel: Int, _ value: UInt8) {
    if x >= 0, x < width, y >= 0, y < height { pixels[(y * width + x) * channels + channel] = value }
  }
}

/// Each octal digit is a row of three pixels, from the top.
private let font: [Character: Int] = [
  "0": 0o75557, "1": 0o26227, "2": 0o71747, "3": 0o71717, "4": 0o55711, "5": 0o74717, "6": 0o74757, "7": 0o71122,
  "8": 0o75757,
  "9": 0o75717, "A": 0o25755, "B": 0o65656, "C": 0o34443, "D": 0o65556, "E": 0o74647, "F": 0o74644, "G": 0o34553,
  "H": 0o55755,
  "I": 0o72227, "J": 0o11152, "K": 0o55655, "L": 0o44447, "M": 0o57755, "N": 0o65555, "O": 0o25552, "P": 0o65644,
  "Q": 0o25573,
  "R": 0o65655, "S": 0o34216, "T": 0o72222, "U": 0o55557, "V": 0o55552, "W": 0o55775, "X": 0o55255, "Y": 0o55222,
  "Z": 0o71247,
  ".": 0o00002, ",": 0o00024, "-": 0o00700, "+": 0o02720, "=": 0o07070, ":": 0o02020, "/": 0o11244, "%": 0o51245,
  "(": 0o12221,
  ")": 0o42224,
]
