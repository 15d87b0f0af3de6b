using System.Text.Json;
using Metering.Engine;
using Xunit;

namespace Metering.Gateway.Tests;

/// <summary>Dialect B: an account makes, lists, rotates and revokes its own keys.</summary>
public sealed class ApiKeyRouteTests : IAsyncLifetime
{
    private const string Path = "/api/v1/api-keys";
    private GatewayHost host = null!;
    private TestCaller caller = null!;

    public async Task InitializeAsync()
    {
        host = await GatewayHost.StartAsync();
        caller = await host.OpenAsync();
    }

    public async Task DisposeAsync() => await host.DisposeAsync();

    [Fact]
    public async Task A_new_key_is_shown_once_and_works()
    {
        var answer = await caller.PostAsync(Path, """{"name": "Nightly", "expiresAt": "2026-06-01T02:00:00.5+02:00", "unknown": true}""");
        Assert.Equal(201, answer.Status);
        Assert.Equal("100", answer.Remaining);
        Assert.False(answer.IsReplay);
        var data = answer.Json.GetProperty("data");
        var key = data.GetProperty("key").GetString()!;
        Assert.Matches("^mtr_[0-9a-f]{64}\\z", key);
        Assert.Contains("only this once", data.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal("2026-06-01T00:00:00.500Z", data.GetProperty("expiresAt").GetString());
        Assert.Equal(key[..12], data.GetProperty("prefix").GetString());
        Assert.Equal(["read", "spend"], data.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()));

        Assert.Equal(200, (await caller.With(key).PostAsync("/v1/credits/deduct", """{"amount": 1}""")).Status);
        var list = await caller.With(key).GetAsync(Path);
        Assert.DoesNotContain(key, list.Body, StringComparison.Ordinal);
        Assert.Equal(["Test", "Nightly"], NamesOf(list));
        Assert.Equal("""{"total":2,"limit":10}""", list.Json.GetProperty("meta").GetRawText());
        host.Clock.Advance(TimeSpan.FromDays(31) + TimeSpan.FromMilliseconds(500));
        Assert.Equal(401, (await caller.With(key).GetAsync("/v1/credits")).Status);
        Assert.Equal(["Test"], NamesOf(await caller.GetAsync(Path)));
    }

    [Fact]
    public async Task The_eleventh_active_key_is_409_and_is_not_made()
    {
        for (var number = 2; number <= 10; number++)
        {
            Assert.Equal(201, (await caller.PostAsync(Path, $$"""{"name": "Key {{number}}"}""")).Status);
        }

        var refused = await caller.PostAsync(Path, """{"name": "One too many"}""");
        Assert.Equal(409, refused.Status);
        refused.HasJson("""{"success": false, "error": "This account has 10 active API keys, the most that are allowed; revoke one first."}""");
        var list = await caller.GetAsync(Path);
        Assert.Equal(10, NamesOf(list).Length);
        Assert.Equal(200, (await caller.DeleteAsync($"{Path}/{list.Json.GetProperty("data")[3].GetProperty("id").GetString()}")).Status);
        Assert.Equal(201, (await caller.PostAsync(Path, """{"name": "In its place"}""")).Status);
    }

    [Fact]
    public async Task Ten_is_the_most_however_many_ask_at_once()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 30).Select(number => caller.PostAsync(Path, $$"""{"name": "Key {{number}}"}""")));
        Assert.Equal(9, answers.Count(answer => answer.Status == 201));
        Assert.Equal(21, answers.Count(answer => answer.Status == 409));
    }

    [Theory]
    [InlineData("""{}""", "name is missing")]
    [InlineData("""{"name": null}""", "name is missing")]
    [InlineData("""{"name": ""}""", "name is missing")]
    [InlineData("""{"name": 5}""", "name must be a text of 1 to 100 characters")]
    [InlineData("""{"Name": "x"}""", "name is missing")]
    [InlineData("""{"name": "a", "name": "b"}""", "name appears twice")]
    [InlineData("""{"name": "a\u0007"}""", "control character")]
    [InlineData("""{"name": "a", "expiresAt": "2026-05-01T00:00:00Z"}""", "in the future")]
    [InlineData("""{"name": "a", "expiresAt": "2026-06-01"}""", "expiresAt must be an instant")]
    [InlineData("""{"name": "a", "expiresAt": "2026-06-01T00:00:00"}""", "expiresAt must be an instant")]
    [InlineData("""{"name": "a", "expiresAt": 1780272000}""", "expiresAt must be an instant")]
    [InlineData("""{"name": "a", "scopes": []}""", "scopes is empty")]
    [InlineData("""{"name": "a", "scopes": "read"}""", "scopes must be a list")]
    [InlineData("""{"name": "a", "scopes": ["read", "admin"]}""", "scopes must be a list")]
    [InlineData("""{"name": "a", "scopes": [null]}""", "scopes must be a list")]
    [InlineData("[]", "JSON object")]
    public async Task A_bad_request_is_400_and_says_what_is_allowed(string body, string says)
    {
        var answer = await caller.PostAsync(Path, body);
        Assert.Equal(400, answer.Status);
        Assert.False(answer.Json.GetProperty("success").GetBoolean());
        Assert.Contains(says, answer.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal("100", answer.Remaining);
        Assert.Single(NamesOf(await caller.GetAsync(Path)));
    }

    [Fact]
    public async Task A_name_may_have_100_characters_and_no_more()
    {
        Assert.Equal(201, (await caller.PostAsync(Path, $$"""{"name": "{{string.Concat(Enumerable.Repeat("😀", 100))}}"}""")).Status);
        var answer = await caller.PostAsync(Path, $$"""{"name": "{{new string('n', 101)}}"}""");
        Assert.Equal(400, answer.Status);
        Assert.Contains("at most 100", answer.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_key_that_cannot_do_everything_makes_rotates_and_revokes_none()
    {
        var reader = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read);
        Assert.Equal(200, (await reader.GetAsync(Path)).Status);
        foreach (var answer in new[]
        {
            await reader.PostAsync(Path, """{"name": "x"}"""), await reader.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate"), await reader.DeleteAsync($"{Path}/{caller.Key.Stored.Id}"),
        })
        {
            Assert.Equal(403, answer.Status);
            Assert.Contains("read and spend", answer.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        }

        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
    }

    [Fact]
    public async Task A_key_makes_none_that_may_do_more_than_itself()
    {
        var plain = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend);
        Assert.Equal(403, (await plain.PostAsync(Path, """{"name": "x", "scopes": ["read", "refund"]}""")).Status);
        Assert.Equal(403, (await plain.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate")).Status);
        var made = (await caller.PostAsync(Path, """{"name": "x", "scopes": ["refund"]}""")).Json.GetProperty("data");
        Assert.Equal("refund", made.GetProperty("scopes")[0].GetString());
        Assert.Equal(403, (await caller.With(made.GetProperty("key").GetString()!).GetAsync("/v1/credits")).Status);
    }

    [Fact]
    public async Task A_key_has_the_prefix_of_the_one_that_made_it()
    {
        var lead = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend, prefix: "ll_");
        Assert.StartsWith("ll_", KeyOf(await lead.PostAsync(Path, """{"name": "x"}""")), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_retry_makes_no_second_key_and_does_not_show_the_first_again()
    {
        var first = await caller.PostAsync(Path, """{"name": "Once"}""", "make-1");
        var retry = await caller.PostAsync(Path, """{"name": "Once"}""", "make-1");
        Assert.Equal((201, 201), (first.Status, retry.Status));
        Assert.False(first.IsReplay);
        Assert.True(retry.IsReplay);
        Assert.DoesNotContain(KeyOf(first), retry.Body, StringComparison.Ordinal);
        var data = retry.Json.GetProperty("data");
        Assert.Equal(JsonValueKind.Null, data.GetProperty("key").ValueKind);
        Assert.Contains("cannot be shown again", data.GetProperty("message").GetString(), StringComparison.Ordinal);
        Assert.Equal(first.Json.GetProperty("data").GetProperty("id").GetString(), data.GetProperty("id").GetString());
        Assert.Equal(2, NamesOf(await caller.GetAsync(Path)).Length);

        var other = await caller.PostAsync(Path, """{"name": "Another"}""", "make-1");
        Assert.Equal(422, other.Status);
        Assert.Equal(422, (await caller.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate", null, "make-1")).Status);
        Assert.Equal(201, (await (await host.OpenAsync()).PostAsync(Path, """{"name": "Another"}""", "make-1")).Status);
        Assert.Equal(400, (await caller.PostAsync(Path, """{"name": "Once"}""", new string('k', 256))).Status);
    }

    [Fact]
    public async Task Concurrent_retries_make_one_key()
    {
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => caller.PostAsync(Path, """{"name": "Once"}""", "make-1")));
        Assert.All(answers, answer => Assert.Equal(201, answer.Status));
        Assert.Single(answers, answer => !answer.IsReplay);
        Assert.Single(answers.Select(answer => answer.Json.GetProperty("data").GetProperty("id").GetString()).Distinct());
        Assert.Equal(2, NamesOf(await caller.GetAsync(Path)).Length);
    }

    [Fact]
    public async Task A_refusal_is_not_kept_for_retries()
    {
        for (var number = 2; number <= 10; number++)
        {
            await caller.PostAsync(Path, $$"""{"name": "Key {{number}}"}""");
        }

        Assert.Equal(409, (await caller.PostAsync(Path, """{"name": "Late"}""", "late")).Status);
        await caller.DeleteAsync($"{Path}/{(await caller.GetAsync(Path)).Json.GetProperty("data")[1].GetProperty("id").GetString()}");
        var retry = await caller.PostAsync(Path, """{"name": "Late"}""", "late");
        Assert.Equal(201, retry.Status);
        Assert.False(retry.IsReplay);
    }

    [Fact]
    public async Task A_revoked_key_opens_nothing_and_revoking_again_says_the_same()
    {
        var made = await caller.PostAsync(Path, """{"name": "Gone"}""");
        var (id, other) = (made.Json.GetProperty("data").GetProperty("id").GetString(), caller.With(KeyOf(made)));
        Assert.Equal(200, (await other.GetAsync("/v1/credits")).Status);
        host.Clock.Advance(TimeSpan.FromSeconds(5));
        var revoked = await caller.DeleteAsync($"{Path}/{id}");
        Assert.Equal(200, revoked.Status);
        revoked.HasJson($$"""{"success": true, "data": {"id": "{{id}}", "revokedAt": "2026-05-01T00:00:05.000Z"} }""");
        Assert.Equal(401, (await other.GetAsync("/v1/credits")).Status);
        host.Clock.Advance(TimeSpan.FromSeconds(5));
        Assert.Equal(revoked.Body, (await caller.DeleteAsync($"{Path}/{id}")).Body);
        Assert.Equal(404, (await caller.PostAsync($"{Path}/{id}/rotate")).Status);
    }

    [Fact]
    public async Task A_key_of_another_account_and_one_that_never_was_are_404()
    {
        var stranger = await host.OpenAsync();
        foreach (var id in new[] { stranger.Key.Stored.Id, "key_000000000000000000000000", "x" })
        {
            var answer = await caller.DeleteAsync($"{Path}/{id}");
            Assert.Equal(404, answer.Status);
            Assert.False(answer.Json.GetProperty("success").GetBoolean());
            Assert.Equal(404, (await caller.PostAsync($"{Path}/{id}/rotate", """{"gracePeriodHours": 0}""")).Status);
        }

        Assert.Equal(200, (await stranger.GetAsync("/v1/credits")).Status);
    }

    [Fact]
    public async Task A_key_revokes_none_that_may_do_more_than_itself()
    {
        var plain = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend);
        var refused = await plain.DeleteAsync($"{Path}/{caller.Key.Stored.Id}");
        Assert.Equal(403, refused.Status);
        Assert.Contains("refund", refused.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
        Assert.Equal(200, (await caller.DeleteAsync($"{Path}/{plain.Key.Stored.Id}")).Status);
    }

    [Fact]
    public async Task A_key_makes_none_that_outlives_it()
    {
        var brief = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend, GatewayHost.Start.AddDays(1));
        var refused = await brief.PostAsync(Path, """{"name": "Longer", "expiresAt": "2026-05-02T00:00:00.001Z"}""");
        Assert.Equal(400, refused.Status);
        Assert.Contains("outlives", refused.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        var everlasting = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend);
        foreach (var (path, json) in new[]
        {
            (Path, """{"name": "Left out"}"""), (Path, """{"name": "Test", "sandbox": true}"""),
            ($"{Path}/{everlasting.Key.Stored.Id}/rotate", "{}"), ($"{Path}/{brief.Key.Stored.Id}/rotate", "{}"),
        })
        {
            var made = await brief.PostAsync(path, json);
            Assert.Equal((201, "2026-05-02T00:00:00.000Z"), (made.Status, made.Json.GetProperty("data").GetProperty("expiresAt").GetString()));
        }

        Assert.Equal(400, (await brief.PostAsync($"{Path}/{brief.Key.Stored.Id}/rotate", """{"expiresAt": "2030-01-01T00:00:00Z"}""")).Status);
    }

    [Fact]
    public async Task A_closed_account_makes_no_key()
    {
        await host.Meter.SetStatusAsync(caller.Account, new() { Status = AccountStatus.Closed, Reason = "Left" });
        foreach (var answer in new[] { await caller.PostAsync(Path, """{"name": "x"}"""), await caller.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate") })
        {
            Assert.Equal(403, answer.Status);
            Assert.Contains("closed", answer.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        }

        Assert.Single(await host.Directory.ListKeysAsync(caller.Account));
    }

    [Fact]
    public async Task A_key_may_revoke_itself()
    {
        var answer = await caller.DeleteAsync($"{Path}/{caller.Key.Stored.Id}");
        Assert.Equal(200, answer.Status);
        Assert.Equal("100", answer.Remaining);
        Assert.Equal(401, (await caller.GetAsync("/v1/credits")).Status);
    }

    [Fact]
    public async Task Without_a_key_the_answer_is_401_in_the_dialect()
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, Path);
        var answer = await Answer.OfAsync(host.Client, request);
        Assert.Equal(401, answer.Status);
        Assert.Equal(["success", "statusCode", "error", "message"], answer.Json.EnumerateObject().Select(property => property.Name));
    }

    [Fact]
    public async Task A_rotated_key_works_beside_the_new_one_until_the_grace_is_over()
    {
        var answer = await caller.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate", """{"gracePeriodHours": 2}""");
        Assert.Equal(201, answer.Status);
        var data = answer.Json.GetProperty("data");
        Assert.Equal("Test", data.GetProperty("name").GetString());
        Assert.Equal(["read", "spend", "refund"], data.GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()));
        Assert.Equal($$"""{"id":"{{caller.Key.Stored.Id}}","expiresAt":"2026-05-01T02:00:00.000Z"}""", data.GetProperty("replaces").GetRawText());
        var next = caller.With(KeyOf(answer));
        host.Clock.Advance(TimeSpan.FromHours(2) - TimeSpan.FromMilliseconds(1));
        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
        Assert.Equal(200, (await next.GetAsync("/v1/credits")).Status);
        host.Clock.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(401, (await caller.GetAsync("/v1/credits")).Status);
        Assert.Equal(200, (await next.GetAsync("/v1/credits")).Status);
        Assert.Equal("2026-05-01T02:00:00.000Z", (await host.Directory.ListKeysAsync(caller.Account))[0].ExpiresAt!.Value.ToWire());
    }

    [Fact]
    public async Task Without_grace_the_old_key_ends_at_once_and_without_a_body_in_a_day()
    {
        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
        var first = await caller.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate", """{"gracePeriodHours": 0}""");
        Assert.Equal(401, (await caller.GetAsync("/v1/credits")).Status);
        var second = await caller.With(KeyOf(first)).PostAsync($"{Path}/{first.Json.GetProperty("data").GetProperty("id").GetString()}/rotate");
        Assert.Equal("2026-05-02T00:00:00.000Z", second.Json.GetProperty("data").GetProperty("replaces").GetProperty("expiresAt").GetString());
    }

    [Fact]
    public async Task A_rotation_with_grace_needs_room_for_both_and_one_without_does_not()
    {
        for (var number = 2; number <= 10; number++)
        {
            await caller.PostAsync(Path, $$"""{"name": "Key {{number}}"}""");
        }

        var refused = await caller.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate", """{"gracePeriodHours": 1}""");
        Assert.Equal(409, refused.Status);
        Assert.Contains("gracePeriodHours 0", refused.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        Assert.Equal(200, (await caller.GetAsync("/v1/credits")).Status);
        Assert.Equal(201, (await caller.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate", """{"gracePeriodHours": 0}""")).Status);
    }

    [Fact]
    public async Task A_rotation_keeps_the_keys_own_end_unless_it_names_another()
    {
        var made = await caller.PostAsync(Path, """{"name": "Short", "expiresAt": "2026-05-01T01:00:00Z"}""");
        var id = made.Json.GetProperty("data").GetProperty("id").GetString();
        var same = (await caller.PostAsync($"{Path}/{id}/rotate")).Json.GetProperty("data");
        Assert.Equal("2026-05-01T01:00:00.000Z", same.GetProperty("expiresAt").GetString());
        Assert.Equal("2026-05-01T01:00:00.000Z", same.GetProperty("replaces").GetProperty("expiresAt").GetString());
        var longer = (await caller.PostAsync($"{Path}/{id}/rotate", """{"expiresAt": "2027-05-01T00:00:00Z"}""")).Json.GetProperty("data");
        Assert.Equal("2027-05-01T00:00:00.000Z", longer.GetProperty("expiresAt").GetString());
    }

    [Theory]
    [InlineData("""{"gracePeriodHours": -1}""")]
    [InlineData("""{"gracePeriodHours": 721}""")]
    [InlineData("""{"gracePeriodHours": 1.5}""")]
    [InlineData("""{"gracePeriodHours": "1"}""")]
    [InlineData("""{"gracePeriodHours": 1e400}""")]
    [InlineData("""{"gracePeriodHours": 1, "gracePeriodHours": 2}""")]
    public async Task A_bad_grace_is_400(string body)
    {
        var answer = await caller.PostAsync($"{Path}/{caller.Key.Stored.Id}/rotate", body);
        Assert.Equal(400, answer.Status);
        Assert.StartsWith("gracePeriodHours", answer.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_retry_of_a_rotation_rotates_once()
    {
        var path = $"{Path}/{caller.Key.Stored.Id}/rotate";
        var first = await caller.PostAsync(path, """{"gracePeriodHours": 1}""", "rotate-1");
        var next = caller.With(KeyOf(first));
        host.Clock.Advance(TimeSpan.FromHours(2));
        var retry = await next.PostAsync(path, """{"gracePeriodHours": 1}""", "rotate-1");
        Assert.Equal(201, retry.Status);
        Assert.True(retry.IsReplay);
        Assert.Equal(first.Json.GetProperty("data").GetProperty("id").GetString(), retry.Json.GetProperty("data").GetProperty("id").GetString());
        Assert.Single(NamesOf(await next.GetAsync(Path)));
    }

    [Fact]
    public async Task Operators_keys_are_not_rotated_or_revoked_past_the_audit_log()
    {
        var operatorKey = await host.AddKeyAsync(caller.Account, ApiKeyScopes.Read | ApiKeyScopes.Spend | ApiKeyScopes.Admin);
        var rotated = await operatorKey.PostAsync($"{Path}/{operatorKey.Key.Stored.Id}/rotate");
        var revoked = await operatorKey.DeleteAsync($"{Path}/{operatorKey.Key.Stored.Id}");
        foreach (var refused in new[] { rotated, revoked })
        {
            Assert.Equal(403, refused.Status);
            Assert.Contains("/admin/v1/", refused.Json.GetProperty("error").GetString(), StringComparison.Ordinal);
        }

        Assert.Equal(2, NamesOf(await operatorKey.GetAsync(Path)).Length);
        var made = await operatorKey.PostAsync(Path, """{"name": "Plain"}""");
        Assert.Equal(["read", "spend"], made.Json.GetProperty("data").GetProperty("scopes").EnumerateArray().Select(scope => scope.GetString()));
    }

    private static string KeyOf(Answer answer) => answer.Json.GetProperty("data").GetProperty("key").GetString()!;

    private static string[] NamesOf(Answer list) => [.. list.Json.GetProperty("data").EnumerateArray().Select(key => key.GetProperty("name").GetString()!)];
}
