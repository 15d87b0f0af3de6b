using System.Globalization;
using System.Text.Json;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>
/// Dialect B: availableCredits = monthlyCredits + bonusCredits - usedCredits, literally, after every command of random lives, beside a count
/// of what was spent and given back that knows nothing of the meter's own.
/// </summary>
public sealed class BalanceFormulaTests
{
    private const int Steps = 80;

    private static readonly string[] Plans = ["starter", "growth", "scale"];

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    [InlineData(6)]
    [InlineData(7)]
    [InlineData(8)]
    public async Task The_formula_holds_after_every_command(int seed)
    {
        await using var host = await GatewayHost.StartAsync();
        var life = new Life(host, await host.OpenAsync(bonus: 25), new Random(seed));
        for (var step = 0; step < Steps; step++)
        {
            var done = await life.StepAsync();
            await life.CheckAsync($"seed {seed}, step {step}: {done}");
        }
    }

    private sealed class Life(GatewayHost host, TestCaller caller, Random random)
    {
        /// <summary>Deductions of the present window and what of each was not given back.</summary>
        private readonly Dictionary<string, decimal> spent = [];
        private readonly List<string> earlier = [];
        private int references;
        private string window = "2026-05-01T00:00:00.000Z";

        public async Task<string> StepAsync()
        {
            switch (random.Next(14))
            {
                case 0 or 1:
                    var amount = random.Next(1, 400_000) / 10_000m;
                    return await SpendAsync("/v1/credits/deduct", string.Create(CultureInfo.InvariantCulture, $$"""{"amount": {{amount}}}"""));
                case 2:
                    return await SpendAsync("/v1/records/access", $$"""{"records": [{"type": "company", "id": "c{{random.Next(30)}}"}, {"type": "contact", "id": "p{{random.Next(30)}}"}], "mode": "up_to"}""");
                case 3:
                    var batch = await caller.PostAsync("/v1/credits/deduct/batch", $$"""{"items": [{"amount": {{random.Next(1, 30)}}}, {"amount": 500}, {"product": "email.validation", "quantity": {{random.Next(9)}}}]}""");
                    foreach (var item in batch.Json.GetProperty("items").EnumerateArray().Where(item => item.GetProperty("status").GetString() == "charged"))
                    {
                        spent[item.GetProperty("transactionId").GetString()!] = item.GetProperty("charged").GetDecimal();
                    }

                    return batch.Body;
                case 4:
                    return await RefundAsync();
                case 5:
                    var source = (GrantSource)random.Next(4);
                    var expiry = random.Next(2) == 0 ? (DateTimeOffset?)null : host.Clock.GetUtcNow().AddDays(random.Next(1, 40));
                    await host.Meter.GrantAsync(caller.Account, new() { Source = source, Amount = Credits.Of(random.Next(1, 60)), ExpiresAt = expiry });
                    return $"a grant, {source}, to {expiry}";
                case 6:
                    await host.Meter.AdjustAsync(caller.Account, new() { Amount = Credits.Of(random.Next(-20, 20) + 0.5m), Reason = "By hand" });
                    return "an adjustment";
                case 7:
                    return (await caller.PostAsync("/v1/records/visits", $$"""{"companies": ["c{{random.Next(30)}}"]}""")).Body;
                case 8:
                    host.Clock.Advance(TimeSpan.FromMilliseconds(1)); // Windows are told apart by when they began.
                    var change = new ChangePlanRequest { Plan = Plans[random.Next(Plans.Length)], When = (PlanChangeTime)random.Next(2) };
                    return $"{change}: {(await host.Meter.ChangePlanAsync(caller.Account, change)).Refusal}";
                case 9:
                    var back = new TakeBackRequest { Amount = Credits.Of(random.Next(1, 80)), ExternalReference = $"dispute {references++}", Reason = "Disputed" };
                    return $"{back}: {(await host.Meter.TakeBackAsync(caller.Account, back)).Refusal}";
                case 10:
                    return $"a limit: {(await host.Meter.SetCreditLimitAsync(caller.Account, new() { Limit = Credits.Of(random.Next(3) * 20) })).Refusal}";
                case 11:
                    var ending = random.Next(4) == 0 ? await host.Meter.CancelAsync(caller.Account, new()) : await host.Meter.ResumeAsync(caller.Account, new());
                    return $"cancelled or resumed: {ending.Refusal}";
                default:
                    host.Clock.Advance(TimeSpan.FromHours(random.Next(1, 500)));
                    return "time goes on";
            }
        }

        public async Task CheckAsync(string when)
        {
            var data = (await caller.GetAsync("/api/v1/credits/balance")).Json.GetProperty("data");
            decimal Of(string name) => data.GetProperty(name).GetDecimal();
            if (data.GetProperty("lastResetAt").GetString() is { } reset && reset != window)
            {
                window = reset;
                earlier.AddRange(spent.Keys);
                spent.Clear();
            }

            Assert.True(Of("availableCredits") == Of("monthlyCredits") + Of("bonusCredits") - Of("usedCredits"), $"{when}: {data}");
            Assert.True(Of("usedCredits") == spent.Values.Sum(), $"{when}: {data}, but {spent.Values.Sum()} was used");
            Assert.True(Of("availableCredits") >= 0, $"{when}: {data}");
            var credits = (await caller.GetAsync("/v1/credits")).Json.GetProperty("credits").GetDecimal();
            Assert.True(Of("availableCredits") == credits, $"{when}: {data}, but {credits} by dialect C");
            Assert.True(await SumOfRowsAsync() == credits, $"{when}: the rows do not sum to {credits}");
        }

        private async Task<string> SpendAsync(string path, string body)
        {
            var answer = await caller.PostAsync(path, body);
            if (answer.Status == 200 && answer.Json.GetProperty("transactionId").GetString() is { } id)
            {
                spent[id] = answer.Json.GetProperty("charged").GetDecimal();
            }

            return answer.Body;
        }

        private async Task<string> RefundAsync()
        {
            string[] candidates = [.. spent.Keys, .. earlier];
            if (candidates.Length == 0)
            {
                return "nothing to refund";
            }

            var id = candidates[random.Next(candidates.Length)];
            var answer = await caller.PostAsync($"/v1/transactions/{id}/refund", random.Next(2) == 0 ? null : """{"amount": 0.5}""");
            if (answer.Status == 200 && spent.TryGetValue(id, out var left))
            {
                spent[id] = left - answer.Json.GetProperty("refunded").GetDecimal();
            }

            return answer.Body;
        }

        private async Task<decimal> SumOfRowsAsync()
        {
            var sum = 0m;
            for (string? cursor = null; ;)
            {
                var page = (await caller.GetAsync("/v1/transactions?limit=100" + (cursor is null ? "" : "&cursor=" + cursor))).Json;
                sum += page.GetProperty("transactions").EnumerateArray().Sum(row => row.GetProperty("amount").GetDecimal());
                if (page.GetProperty("nextCursor") is not { ValueKind: JsonValueKind.String } next)
                {
                    return sum;
                }

                cursor = next.GetString();
            }
        }
    }
}
