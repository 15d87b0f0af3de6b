using Xunit;

namespace Metering.Engine.Tests;

public sealed class MemoryBudgetTests
{
    [Theory]
    [InlineData(24L << 30, 1L << 30)]
    [InlineData(768L << 20, 384L << 20)] // A container of 1 GiB: the runtime takes three quarters for its heap.
    [InlineData(0, 1L << 20)]
    public void Accounts_take_half_of_what_the_process_may_have_and_no_more_than_a_gibibyte(long available, long budget) =>
        Assert.Equal(budget, CreditMeteringOptions.MemoryBudgetOf(available));
}
