namespace Metering.Simulation;

/// <content>Commands that come by themselves among the others, with numbers of their own.</content>
internal sealed partial class PlanGenerator
{
    private void CommandsMore(Random places, DateTimeOffset start)
    {
        for (var count = places.Next(10, 30); count > 0; count--)
        {
            var time = places.Next(50, at);
            var account = accounts[places.Next(4) == 0 ? places.Next(accounts.Length) : 0];
            items.Add(new CallItem(time, Command(places, account, ClockAt(start, time))));
        }
    }

    /// <summary>What the first process's clock says at a time of the plan.</summary>
    private DateTimeOffset ClockAt(DateTimeOffset start, int time) =>
        items.OfType<JumpItem>().Where(jump => jump.At <= time && jump.Process <= 0).Aggregate(start.AddMilliseconds(time), (clock, jump) => clock + jump.By);

    private VisitOperation Command(Random places, AccountId account, DateTimeOffset now)
    {
        var index = items.Count;
        return new(new()
        {
            // The mark tells whose line it is; the other companies are those that are paid for, too.
            Records = [new("company", $"op-{index}"), .. Enumerable.Range(0, places.Next(4)).Select(_ => new RecordRequest("company", $"{places.Next(12)}"))],
            SeenAt = places.Next(2) == 0 ? null : now.AddMilliseconds(places.Next(-1_000, 1_000)).AddHours(places.Next(-33 * 24, 2)),
            IdempotencyKey = places.Next(2) == 0 ? null : $"key-{index}",
        })
        {
            Index = index, Account = account, Retries = places.Next(4), MeterChoice = places.Next(4), CancelAfter = places.Next(25) == 0 ? places.Next(30) : null,
        };
    }
}
