import Testing
import WorldModel

@testable import Benchmarking
@testable import Training

@Suite struct ArithmeticWorkTests {
  /// By hand, in products of rows × inner × columns, for one frame of 64×64.
  @Test func countsThePapersSizes() throws {
    let world = try WorldModelConfiguration.load(.worldModel, from: Presets.layers(["paper"]))
    let work = FLOPs(sizes: world.model, frame: FrameShape(channels: 1, height: 64, width: 64), actions: 18)
    let encoder = 31 * 31 * 16 * 48 + 14 * 14 * 16 * 48 * 96 + 36 * 16 * 96 * 192 + 4 * 16 * 192 * 384
    let decoder = 2048 * 1536 + 25 * 1536 * 192 + 25 * 25 * 192 * 96 + 169 * 36 * 96 * 48 + 900 * 36 * 48
    let recurrent = (1024 + 18) * 1000 + (1000 + 1024) * 3072
    let heads = 1024 * 1000 + 1000 * 1024 + (1024 + 1536) * 1000 + 1000 * 1024
    #expect(work.encoder == Double(2 * encoder) && work.decoder == Double(2 * decoder))
    #expect(work.worldModelStep(frames: 1) == Double(6 * (encoder + decoder + recurrent + heads)))
  }
}
