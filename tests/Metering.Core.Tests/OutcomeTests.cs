using Xunit;

namespace Metering.Core.Tests;

public sealed class OutcomeTests
{
    [Fact]
    public void An_outcome_prints_its_value_or_its_refusal_and_never_throws()
    {
        Outcome<string> success = "88 credits";
        Outcome<string> refused = new Refusal(RefusalReason.InsufficientCredits, "12 credits are needed.");
        Assert.Equal("Success: 88 credits", success.ToString());
        Assert.Equal("Success (replay): 88 credits", Outcome.Replay("88 credits").ToString());
        Assert.Equal("Refused (InsufficientCredits): 12 credits are needed.", $"{refused}");
        Assert.Equal("No outcome", default(Outcome<string>).ToString());
        Assert.Throws<InvalidOperationException>(() => refused.Value);
    }
}
