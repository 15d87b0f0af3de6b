using Xunit;
using Xunit.Abstractions;

namespace Metering.Architecture.Tests.Promises;

/// <summary>Prints every promise beside the tests that prove it; a promise without a test, or with one that is not there, fails.</summary>
public sealed class PromiseTests(ITestOutputHelper output)
{
    private static readonly Promise[] All =
        [.. CallerPromises.Authentication, .. CallerPromises.Profile, .. PaymentPromises.All, .. CallerPromises.LeadCredits, .. CallerPromises.CheckCredits, .. RecordPromises.All, .. NativePromises.All, .. RulePromises.All];

    [Fact]
    public void Every_promise_names_tests_that_are_there()
    {
        foreach (var promise in All)
        {
            output.WriteLine($"Promise: | {promise.Part} | {promise.Text} | {string.Join(", ", promise.Tests)} |");
        }

        output.WriteLine($"Proof: {All.Length} promises of the contract, each with the tests that prove it ({All.SelectMany(promise => promise.Tests).Distinct().Count()} tests).");
        string[] unproven = [.. All.Where(promise => promise.Tests.Length == 0).Select(promise => promise.Text)];
        string[] missing = [.. All.SelectMany(promise => promise.Tests).Distinct().Except(TestCatalogue.Names)];
        Assert.Empty(unproven);
        Assert.Empty(missing);
    }

    [Fact]
    public void No_promise_stands_twice_and_every_part_has_some()
    {
        Assert.Equal(All.Length, All.Select(promise => (promise.Part, promise.Text)).Distinct().Count());
        string[] parts = ["Auth", "A", "B", "C", "D", "E", .. Enumerable.Range(1, 9).Select(rule => $"Rule {rule}")];
        Assert.Equal(parts, All.Select(promise => promise.Part).Distinct());
    }

    [Fact]
    public void Tests_are_told_from_what_merely_looks_like_one()
    {
        string[] lines =
        [
            "public sealed class CarTests(Engine engine) : IDisposable", "    [Fact]", "    public async Task It_drives()", "    public void Helper()",
            "    [Theory]", "    [InlineData(1)]", "    public void It_stops(int at) => Stop(at);", "    private sealed class Inner", "    [MotorFact]", "    public Task It_hums() => Hum();",
            "    // [Fact]", "    public void It_was_a_test()",
        ];
        Assert.Equal(["CarTests.It_drives", "CarTests.It_stops", "CarTests.It_hums"], TestCatalogue.NamesOf(lines));
        Assert.Contains("PromiseTests.Tests_are_told_from_what_merely_looks_like_one", TestCatalogue.Names);
    }
}
