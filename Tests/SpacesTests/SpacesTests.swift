import Configuration
import Spaces
import Testing

@Suite struct SpacesTests {
  private let box = ActionSpace.box(low: [-2, 0], high: [2, 10])

  @Test func scalesNumbersToOneAndBack() {
    #expect(box.scaled(.continuous([0, 10])) == .continuous([0, 1]) && box.unscaled(.continuous([0, 1])) == .continuous([0, 10]))
    // What a recorder wrote beyond the bounds, the environment has clipped.
    #expect(box.scaled(.continuous([-7, 20])) == .continuous([-1, 1]))
    #expect(box.scaled(3) == 3 && ActionSpace.discrete(5).unscaled(3) == 3)
  }

  @Test(arguments: 0..<20 as Range<UInt64>) func drawsWhatItContains(seed: UInt64) {
    var generator = Seed(seed).generator
    for space in [box, .discrete(4)] {
      let action = space.random(using: &generator)
      #expect(space.contains(action))
      #expect(space.contains(space.unscaled(space.scaled(action))))
    }
  }

  @Test func containsNothingElse() {
    for action: Action in [.continuous([0]), .continuous([0, 11]), .continuous([.nan, 1]), 0] { #expect(!box.contains(action)) }
    for action: Action in [-1, 4, .continuous([0])] { #expect(!ActionSpace.discrete(4).contains(action)) }
  }

  @Test func takesFramesApartAndPutsThemTogether() {
    let space = ObservationSpace(height: 2, width: 2, vector: 3)
    let (pixels, vectors): ([UInt8], [Float]) = (Array(0..<8), [1.5, -2, 0, 3e9, .pi, -0.0])
    let frames = space.frames(pixels: pixels, vectors: vectors)
    #expect(frames.count == 2 * space.frameSize && space.frameSize == 16)
    let parts = frames.withUnsafeBytes(space.parts)
    #expect(parts.pixels == pixels && parts.vectors == vectors)
  }
}
