import Settings
import Testing
import Torch

@testable import Imitation

@Suite struct WindowTests {
  /// Two episodes of 5 and 3 states, each state its own number.
  private let latents = ExpertLatents(
    deterministic: Tensor((0..<8).map(Float.init), [8, 1]), classes: Tensor((0..<8).map { UInt8($0 % 3) }, [8, 1]),
    actions: Tensor([0, 1, 2, 1, -1, 2, 0, -1] as [Float], [8, 1]), lengths: [5, 3], classCount: 3)

  @Test func staysWithinAnEpisodeAndReachesEveryStart() throws {
    let windows = try WindowSampler(latents, horizon: 2, batch: 64, seed: Seed(1)).windows(step: 0)
    let h: [Float] = windows.states.deterministic.values()
    let actions: [Float] = windows.actions.values()
    var starts: Set<Float> = []
    for b in 0..<64 {
      starts.insert(h[b])
      #expect(h[64 + b] == h[b] + 1 && h[128 + b] == h[b] + 2)
      #expect(actions[b] >= 0 && actions[64 + b] >= 0)
    }
    #expect(starts == [0, 1, 2, 5])
  }

  @Test func laysTheCopiesOfAWindowSideBySide() throws {
    let windows = try WindowSampler(latents, horizon: 1, batch: 12, copies: 3, seed: Seed(1)).windows(step: 0)
    let h: [Float] = windows.states.deterministic.values()
    #expect(h.count == 24)
    for row in 0..<24 { #expect(h[row] == h[row / 3 * 3]) }
    #expect(Set(h[..<12]).count > 1)
  }

  @Test func putsCopiesOfAWindowSideBySide() throws {
    let sampler = try WindowSampler(latents, horizon: 2, batch: 400, copies: 2, seed: Seed(1))
    let h: [Float] = sampler.windows(step: 0).states.deterministic[0].values()
    #expect(Set(h) == [0, 1, 2, 5])
    for row in stride(from: 0, to: 400, by: 2) { #expect(h[row] == h[row + 1]) }
  }

  @Test func givesClassesAsOneHotVectors() throws {
    let windows = try WindowSampler(latents, horizon: 1, batch: 8, seed: Seed(2)).windows(step: 3)
    let (h, z): ([Float], [Float]) = (windows.states.deterministic.values(), windows.states.stochastic.values())
    for (row, state) in h.enumerated() {
      #expect(Array(z[row * 3..<row * 3 + 3]) == (0..<3).map { $0 == Int(state) % 3 ? 1 : 0 })
    }
  }

  @Test func dependsOnSeedAndStepAlone() throws {
    let draw = { (seed: UInt64, step: Int) -> [Float] in
      try WindowSampler(latents, horizon: 1, batch: 32, seed: Seed(seed)).windows(step: step).states.deterministic
        .values()
    }
    #expect(try draw(1, 5) == draw(1, 5))
    #expect(try draw(1, 5) != draw(1, 6))
    #expect(try draw(1, 5) != draw(2, 5))
  }

  @Test func drawsClassesAnewWhereProbabilitiesWereKept() throws {
    let p = Tensor((0..<8).flatMap { _ in [0.5, 0.5, 0] as [Float] }, [8, 3]).to(.bfloat16)
    let kept = ExpertLatents(
      deterministic: latents.deterministic, classes: .full([8, 1], 2, .uint8, on: .cpu), probabilities: p,
      actions: latents.actions,
      lengths: latents.lengths, classCount: 3)
    let draw = { (latents: ExpertLatents, step: Int) -> [Float] in
      try WindowSampler(latents, horizon: 2, batch: 64, seed: Seed(1)).windows(step: step).states.stochastic.values()
    }
    let sampled = try draw(kept, 0)
    let counts = (0..<3).map { k in stride(from: k, to: sampled.count, by: 3).count { sampled[$0] == 1 } }
    #expect(counts[2] == 0 && counts[0] + counts[1] == 192 && abs(counts[0] - 96) < 40)
    #expect(try draw(kept, 0) == sampled && draw(kept, 1) != sampled)
    #expect(try draw(kept.fixed, 0).enumerated().allSatisfy { $0.element == ($0.offset % 3 == 2 ? 1 : 0) })
  }

  @Test func refusesHorizonsLongerThanEveryEpisode() {
    #expect(throws: ImitationError.episodesTooShort(required: 5, longest: 4)) {
      try WindowSampler(latents, horizon: 5, batch: 1, seed: Seed(0))
    }
  }
}
