using System.Net;
using System.Text.RegularExpressions;

namespace Metering.Samples.LeadSearch.Tests;

public sealed partial class PageTests
{
    [Theory]
    [InlineData("/", "text/html")]
    [InlineData("/page.css", "text/css")]
    [InlineData("/page.js", "text/javascript")]
    [InlineData("/icon.svg", "image/svg+xml")]
    public async Task The_page_is_open_and_its_policy_allows_only_itself(string path, string contentType)
    {
        await using var host = await LeadSearchHost.StartAsync();
        using var response = await host.MakeStranger().GetAsync(path);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        Assert.Equal(contentType, response.Content.Headers.ContentType?.MediaType);
        var policy = Assert.Single(response.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("default-src 'none'", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("unsafe", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("http", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(response.Headers.GetValues("X-Content-Type-Options")));
    }

    [Fact]
    public async Task The_page_needs_nothing_that_its_policy_forbids()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var page = await host.MakeStranger().GetStringAsync("/");
        Assert.DoesNotMatch(Inline(), page);
        Assert.All(Sources().Matches(page), source => Assert.StartsWith("/", source.Groups[1].Value, StringComparison.Ordinal));
        Assert.DoesNotMatch(HtmlSink(), await host.MakeStranger().GetStringAsync("/page.js"));
    }

    [Fact]
    public async Task An_unchanged_page_is_not_sent_again()
    {
        await using var host = await LeadSearchHost.StartAsync();
        var stranger = host.MakeStranger();
        using var first = await stranger.GetAsync("/page.js");
        using var request = new HttpRequestMessage(HttpMethod.Get, "/page.js");
        request.Headers.IfNoneMatch.Add(first.Headers.ETag!);
        using var second = await stranger.SendAsync(request);
        Assert.Equal(HttpStatusCode.NotModified, second.StatusCode);
    }

    [GeneratedRegex(@"<style|\sstyle=|\son[a-z]+=|<script(?![^>]*\ssrc=)|javascript:", RegexOptions.IgnoreCase)]
    private static partial Regex Inline();

    [GeneratedRegex(@"\s(?:src|href)=""([^""]*)""")]
    private static partial Regex Sources();

    [GeneratedRegex(@"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|DOMParser|\.style\b")]
    private static partial Regex HtmlSink();
}
